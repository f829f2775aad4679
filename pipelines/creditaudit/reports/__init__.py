"""What leaves the house: exception files, manifests, the night's page. Decides nothing."""
