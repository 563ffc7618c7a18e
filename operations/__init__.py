"""What keeps an installation running: backup and restore, the audit, the doctor, health checks, the demo.

It stands above the three rooms, and none of them imports it.
"""
