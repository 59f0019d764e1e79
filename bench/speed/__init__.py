"""How fast a scan is beside what others use, and how much of its own parts' speed it keeps."""
