"""Who is the same person: standardisation, Splink model, stable person ids."""
