"""Autoencoders that detect anomalies, and how their ranking is judged."""
