"""Runs on disk: settings, metrics, snapshots, archives."""
