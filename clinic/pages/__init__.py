"""The front desk's, the manager's and the tablet's pages. `tablets.resume` is the one door for patients."""
