"""What keeps an installation running: backup and restore, the audit of everything, the doctor, health, the demo.

It stands above the three rooms, and none of them imports it.
"""
