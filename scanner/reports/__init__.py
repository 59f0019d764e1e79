"""One small file per report format, behind :class:`scanner.reports.report.Report`."""
