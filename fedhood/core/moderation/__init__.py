"""Complaints, hiding and showing, and the log of both."""

from fedhood.core.moderation.model import (
    Action,
    Reason,
    Report,
    ReportClosed,
    ReportFiled,
    ReportState,
)
from fedhood.core.moderation.service import (
    close,
    filed_by,
    flagged,
    get,
    hide,
    log,
    open_reports,
    post_of,
    report,
    report_row,
    report_talk,
    restore,
    told_of,
)

__all__ = [
    "Action",
    "Reason",
    "Report",
    "ReportClosed",
    "ReportFiled",
    "ReportState",
    "close",
    "filed_by",
    "flagged",
    "get",
    "hide",
    "log",
    "open_reports",
    "post_of",
    "report",
    "report_row",
    "report_talk",
    "restore",
    "told_of",
]
