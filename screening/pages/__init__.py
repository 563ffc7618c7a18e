"""The patient's pages (`patient`) and the practitioner's (`desk`)."""
