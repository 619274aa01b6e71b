"""Names for what goes wrong between an agency's system and us, with what to do."""

from concord.exceptions import DeliveryHeld, DeliveryNotReady, TransportError

REMEDIES = {
    "CHANGED_WHILE_READ": "Run again; if it stays, ask when the upload is finished",
    "DEADLINE": "Ask the agency why its system is slow, or raise deadlineSeconds",
    "EXPORT_EXPIRED": "Ask the agency to keep its exports longer than a download takes",
    "FORBIDDEN": "Ask the agency to grant this account read access",
    "GONE": "Run again; if it stays, ask the agency where it moved this",
    "HOST_KEY_CHANGED": "Stop, and verify the new host key with the agency by phone",
    "HOST_KEY_MISSING": "Put the agency's host key, once checked, in extra.host_key",
    "HTTP_STATUS": "Ask the agency what its system reports for this request",
    "KEY_UNUSABLE": "Check the private key that the connection names",
    "LOGIN_REFUSED": "Check login and secret in the connection; there is no second try",
    "NIGHT_PASSED": "Ask the agency for an extract of this night, or skip the night",
    "NOT_DATA": "Ask the agency; a login or error page came in place of data",
    "NOT_FOUND": "Check path, resource and group names in the contract's transport",
    "OTHER_ORIGIN": "If the address is rightful, list it in extra.allowed_origins",
    "PAGE_REFUSED": "Lower pageSize, or change paging, in the contract's transport",
    "PAGING_LOOP": "Ask the agency to mend paging; the same page was named twice",
    "PROTOCOL": "Ask the agency; its answer does not follow the protocol",
    "QUERY_FAILED": "Ask the agency what its database logged for this query",
    "SHORT_BODY": "Run again; if it stays, ask the agency about broken connections",
    "THROTTLED": "Run again later, or ask the agency for a higher limit",
    "TIMEOUT": "Run again; if it stays, ask the agency about its system",
    "TLS_REFUSED": "Ask the agency to renew its certificate, or set extra.ca_file",
    "TOKEN_ENDPOINT_UNKNOWN": "State tokenUrl in the contract's transport",
    "TOO_LARGE": "Ask the agency what it sent, or raise maxBytes",
    "UNAUTHORIZED": "Check the account's rights; a fresh token was refused as well",
    "UNREACHABLE": "Check network, host and port in the connection",
    "VANISHED": "Run again; the agency moved a file while it was being read",
}

HELD_REMEDIES = {
    "ARCHIVE_UNSAFE": "Ask the agency to pack plain files only, without a password",
    "CHECKSUM_MISMATCH": "Ask the agency to deliver file and checksum again",
    "COUNT_MISMATCH": "Run again; if it stays, ask the agency to check its counts",
    "DUPLICATE_PAGE": "Run again; if it stays, ask the agency to mend its paging",
    "EXPORT_ERRORS": "Ask the agency to repair the export it reported as incomplete",
    "FILE_AMBIGUOUS": "Make the patterns under files tell the tables apart",
    "FILE_NAME_UNSAFE": "Ask for names of letters, digits, dot, dash and underscore",
    "MANIFEST_INCOMPLETE": "Ask the agency to deliver every table of the contract",
    "MANIFEST_INVALID": "Ask the agency to write the manifest as agreed",
    "MANIFEST_MISMATCH": "Ask the agency to deliver the night again",
    "MEMBER_MISSING": "Ask the agency what it packed, or correct member in contract",
    "NOT_PACKED": "Ask the agency to pack it as agreed, or change packing",
    "PACKED_CUT": "Ask the agency to send the file again; it is not whole",
    "PACKED_DAMAGED": "Ask the agency to pack and send the file again",
    "PACKED_UNDECLARED": "If that is agreed, set packing in the contract's delivery "
    "(gzip or zip); else ask the agency for plain files",
    "SNAPSHOT_MOVED": "Run again; the agency rebuilt its snapshot while it was read",
    "TRACKING_RESET": "Ask the agency why, then run concord refresh for the feed",
    "TRACKING_TRUNCATED": "Ask the agency, then run concord refresh for the feed",
    "UNEXPECTED_TABLE": "Ask the agency to stop sending it, or add it to the contract",
    "UNPACKED_TOO_LARGE": "Ask the agency what it packed, or raise maxUnpackedBytes",
    "WINDOW_GAP": "Ask the agency for the missing nights, or for a full extract",
    "WRONG_RESOURCE": "Ask the agency to repair its export, which mixes resource types",
    "WRONG_SOURCE": "Tell the agency it delivered another system's extract here",
}


def failed(code: str, feed: str, detail: str) -> TransportError:
    """Make the error for an agency's system that refused, stalled or lied."""
    return TransportError(code, feed=feed, detail=detail, remedy=REMEDIES[code])


def held(code: str, feed: str, detail: str, **counts: int) -> DeliveryHeld:
    """Make the error for a delivery that cannot be trusted as it is."""
    remedy = HELD_REMEDIES[code]
    return DeliveryHeld(code, feed=feed, detail=detail, remedy=remedy, counts=counts)


def not_ready(feed: str, detail: str) -> DeliveryNotReady:
    """Make the error for a delivery that is there in part, or an earlier night's."""
    remedy = "It is asked for again until the delivery counts as late"
    return DeliveryNotReady("NOT_READY", feed=feed, detail=detail, remedy=remedy)
