"""Where options come from: the command line, the environment, configuration files."""
