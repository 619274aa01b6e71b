"""The assets that join the DAGs; their names are made here and nowhere else."""

from airflow.sdk import Asset


def checked(feed: str) -> Asset:
    """Return the asset: a feed's night is checked, or carried forward."""
    return Asset(
        name=f"checked/{feed}", uri=f"concord://checked/{feed}", group="concord"
    )


def persons() -> Asset:
    """Return the asset: the persons of a night are linked."""
    return Asset(name="vault/persons", uri="concord://vault/persons", group="concord")


def release(profile: str) -> Asset:
    """Return the asset: a release of a profile is out."""
    return Asset(
        name=f"release/{profile}", uri=f"concord://release/{profile}", group="concord"
    )


def deadline() -> Asset:
    """Return the asset: a night's deadline has passed."""
    return Asset(name="deadline", uri="concord://deadline", group="concord")
