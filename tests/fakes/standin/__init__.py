"""The parts of tests/fakes/microsoft.py, the stand-in for the provider's side."""
