"""Base against head, measured in one job: the gate of a CI."""
