"""The denoising loss of TSDAE: rebuild a text from the vector of its noised copy alone."""

import copy

import torch
from torch import Tensor, nn
from transformers import BertForMaskedLM, BertLMHeadModel

from model.batches import Tokens

# sentence-transformers has this loss for its own models and their trainer only
IGNORED = -100


class Denoiser(nn.Module):
    """A decoder whose weights are the encoder's own, but for the attention to the vector.

    Wang et al. 2021 (TSDAE, arXiv 2104.06979): tied weights, one vector as the only memory.
    """

    def __init__(self, model: BertForMaskedLM) -> None:
        super().__init__()
        config = copy.deepcopy(model.config)
        config.is_decoder, config.add_cross_attention = True, True
        self.decoder = BertLMHeadModel(config)
        nn.Module.to(self.decoder, model.device)
        modules = dict(self.decoder.named_modules())
        for name, parameter in model.named_parameters():
            place, _, attribute = name.rpartition(".")
            setattr(modules[place], attribute, parameter)
        shared = {id(parameter) for parameter in model.parameters()}
        self.own = nn.ParameterList(p for p in self.decoder.parameters() if id(p) not in shared)

    def forward(self, vectors: Tensor, tokens: Tokens) -> Tensor:
        """Return the summed cross entropy of every token but the first, given those before it.

        vectors: (n, d) unit rows of the noised texts. tokens: the whole texts, (n, length).
        """
        ids, mask = tokens["input_ids"], tokens["attention_mask"]
        logits = self.decoder(
            input_ids=ids,
            attention_mask=mask,
            encoder_hidden_states=vectors.unsqueeze(1),  # (n, 1, d)
            use_cache=False,
        ).logits  # (n, length, vocabulary)
        goals = ids.masked_fill(mask == 0, IGNORED)[:, 1:]
        return nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1).float(),
            goals.flatten(),
            ignore_index=IGNORED,
            reduction="sum",
        )

    def state(self) -> list[Tensor]:
        """Return the decoder's own parameters."""
        return [parameter.detach() for parameter in self.own]

    @torch.no_grad()
    def restore(self, state: list[Tensor]) -> None:
        """Take over parameters that `state` returned."""
        for parameter, value in zip(self.own, state, strict=True):
            parameter.copy_(value)
