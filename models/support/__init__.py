"""The process around the work: errors and exit codes, terminal, machine, versions, optional packages. No numpy."""
