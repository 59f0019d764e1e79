"""Running a contract-1 model on the device that was asked for."""
