"""The scans that an export needs: to judge, to calibrate, and to travel with the bundle."""
