"""What every hot loop needs: devices, random streams, fast products, sums in the log domain."""
