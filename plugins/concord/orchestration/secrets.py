"""Keys that Airflow's secrets backend keeps: read by name, and masked in logs."""

from airflow.sdk import Variable
from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.log import mask_secret

from concord.exceptions import KeyCustodyError


def variable(name: str) -> str:
    """Return the text of a variable.

    Raises:
        KeyCustodyError: Airflow has none of this name.
    """
    try:
        found = Variable.get(name, default=None)
    except AirflowRuntimeError:
        found = None
    if not isinstance(found, str):
        raise KeyCustodyError(
            f"Airflow's secrets backend has no variable '{name}', which "
            "CONCORD_KEY_ENCRYPTION names. Put the key there, or correct the name"
        )
    mask_secret(found)
    return found.strip()
