"""The RNN controller of NASNet and MnasNet: one LSTM, one softmax a decision.

Sources: 1707.07012, appendix A.2 (one layer of 100 units, weights from U[-0.1, 0.1]);
1807.11626, section 5 (the same controller).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]

UNITS = 100
INIT = 0.1


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: the controller's matrices are tiny, a second one only waits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Controller(nn.Module):
    """Chooses option after option; each choice is the next step's input.

    Args:
        sizes: the number of options of each decision, in order.
        seed: of the initial weights.
    """

    def __init__(self, sizes: Sequence[int], *, seed: int = 0) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        # One row a (decision, option), and a first row for the start of the sequence.
        self.embedding = nn.Embedding(1 + sum(sizes), UNITS)
        self.lstm = nn.LSTMCell(UNITS, UNITS)
        self.heads = nn.ModuleList(nn.Linear(UNITS, size) for size in sizes)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-INIT, INIT, generator=generator)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """`n` sequences of option indices, int64 of shape (n, decisions)."""
        token, state = self._start(n)
        choices = []
        for step in range(len(self.sizes)):
            logits, state = self._step(step, token, state)
            choices.append(torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0])
            token = self._token(step, choices[-1])
        return torch.stack(choices, 1)

    def log_probs(self, genotypes: Tensor) -> tuple[Tensor, Tensor]:
        """The log-probability and the entropy of each sequence, each of shape (n,).

        Args:
            genotypes: option indices, int64 of shape (n, decisions).
        """
        token, state = self._start(len(genotypes))
        log_prob = entropy = torch.zeros(len(genotypes))
        for step, choice in enumerate(genotypes.T):
            logits, state = self._step(step, token, state)
            log_p = logits.log_softmax(1)
            log_prob = log_prob + log_p.gather(1, choice[:, None])[:, 0]
            entropy = entropy - (log_p.exp() * log_p).sum(1)
            token = self._token(step, choice)
        return log_prob, entropy

    def _start(self, n: int) -> tuple[Tensor, State]:
        return torch.zeros(n, dtype=torch.int64), (torch.zeros(n, UNITS), torch.zeros(n, UNITS))

    def _step(self, step: int, token: Tensor, state: State) -> tuple[Tensor, State]:
        state = self.lstm(self.embedding(token), state)
        return self.heads[step](state[0]), state

    def _token(self, step: int, choice: Tensor) -> Tensor:
        return 1 + sum(self.sizes[:step]) + choice
