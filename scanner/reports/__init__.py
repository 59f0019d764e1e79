"""One small file per report format, behind :class:`scanner.reports.sinks.Report`."""
