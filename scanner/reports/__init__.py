"""One small file per report format, behind :class:`scanner.reports.base.Report`."""
