"""The paper's marginal gain, equation 6."""


def marginal_gain(final_accuracy_percent: float, total_seconds: float) -> float:
    """Compute the paper's equation 6: final accuracy in percent over total training seconds.

    Despite its name it is an average. It depends on the number of epochs, so compare it only within one dataset.
    """
    return final_accuracy_percent / total_seconds
