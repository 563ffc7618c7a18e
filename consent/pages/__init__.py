"""Read and sign on the tablet; confirm in the room; download and send the sealed document."""
