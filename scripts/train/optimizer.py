"""AdamW over a slice of the flat weights, with a moving average of them."""

BETA1, BETA2, EPSILON, DECAY = 0.9, 0.98, 1e-8, 0.01
KEPT = ("flat", "momentum", "variance", "average")  # what a checkpoint holds


def step(state, part, gradient, update, rate, scale, average_step, kernels=None):
    """One update of `part`, a slice; the gradient is multiplied by `scale` first."""
    w, m, v, average = (state[name][part] for name in KEPT)
    m_scale, v_scale = 1 / (1 - BETA1 ** (update + 1)), 1 / (1 - BETA2 ** (update + 1))
    if kernels:
        kernels.call("adamw", w, gradient, m, v, average, w.numel(), rate, BETA1, BETA2, EPSILON, DECAY, m_scale, v_scale,
                     scale, average_step)
        return
    g = gradient * scale
    m.mul_(BETA1).add_(g, alpha=1 - BETA1)
    v.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
    w.mul_(1 - rate * DECAY).addcdiv_(m * m_scale, (v * v_scale).sqrt_().add_(EPSILON), value=-rate)
    average.lerp_(w, average_step)
