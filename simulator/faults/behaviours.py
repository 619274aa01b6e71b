"""Faults that a server shows by itself; what it then does is in servers/troubles."""

from simulator.faults.model import Fault, served

HTTP = ("rest", "edfi", "fhir")
FAULTS: tuple[Fault, ...] = (
    served("T2", "the connection drops in the middle of a file", "sftp"),
    served("T3", "the server stops sending", "sftp", *HTTP),
    served("T4", "the server sends a byte every fifth of a second", "sftp", *HTTP),
    served("T5", "the server shows another host key", "sftp"),
    served("T7", "login and secret are refused", "sftp", *HTTP),
    served("T8", "the first three connections are turned away", "sftp"),
    served("T9", "one file may not be read", "sftp"),
    served("T10", "one file vanishes after it was listed", "sftp"),
    served("T11", "one file is replaced while it is read", "sftp"),
    served("T12", "a gzip body is cut", "fhir"),
    served("T13", "a gzip body's checksum is wrong", "fhir"),
    served("T15", "two answers ask to wait, in seconds and by date", *HTTP),
    served("T16", "every answer asks to wait eleven days", *HTTP),
    served("T17", "three answers say that the server is overloaded", *HTTP),
    served("T18", "the token expires after the first page", *HTTP),
    served("T19", "one resource may not be read", *HTTP),
    served("T20", "every body ends before its length", *HTTP),
    served("T21", "the second page is the first once more", "rest", "edfi"),
    served("T22", "a row comes in while pages are read", "rest", "edfi"),
    served("T23", "a page names itself as the next", "rest", "fhir"),
    served("T24", "an address leads to another host", *HTTP),
    served("T25", "data requests are redirected to another host", *HTTP),
    served("T26", "a login page comes in place of data", *HTTP),
    served("T27", "the answer is no JSON: NaN, keys twice, 200 levels deep", *HTTP),
    served("T28", "the export is never ready", "fhir"),
    served("T29", "a file of the export has expired", "fhir"),
    served("T30", "the export reports an error of its own", "fhir"),
    served("T33", "a file has fewer lines than the manifest says", "fhir"),
    served("T36", "a body without end", "sftp", *HTTP),
    served("R8", "change versions start again at 1", "edfi"),
    served("R10", "the agency's clock is two hours ahead", "fhir"),
)
