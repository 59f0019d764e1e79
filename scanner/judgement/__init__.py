"""What a scan decides about facts: verdicts, exit codes, what is known already, what is most suspicious."""
