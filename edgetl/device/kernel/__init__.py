"""What ``/proc`` and ``/sys`` tell, read alike by the probe (once) and by the sensors (again and again)."""
