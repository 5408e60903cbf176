"""What lectures on latent-variable models show, computed: each file answers one question."""
