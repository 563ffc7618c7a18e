"""Read and sign on the tablet; confirm in the room; fetch and send the sealed document."""
