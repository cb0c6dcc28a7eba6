"""A layer whose code is not at hand, which the user says is a sampling layer."""

from __future__ import annotations

from vae_export.errors import SamplingSiteError
from vae_export.split.asking import posterior_of_stand_in
from vae_export.split.graph import Call
from vae_export.split.recognisers.protocol import Search
from vae_export.split.sampling_site import SamplingSite
from vae_export.split.stand_in import is_inert

__all__ = ["MissingLayer"]


class MissingLayer:
    """Nothing is measured or assumed: what is not told is asked for."""

    name = "a layer without code"

    def recognise(self, search: Search, call: Call) -> SamplingSite | None:
        """Take what the user told; a model that has a measured site has no second one without code.

        Raises:
            QuestionError: too little was told.
            SamplingSiteError: its tensors are not those of a sampling layer.
        """
        if not is_inert(call.operation):
            return None
        recorded = search.run.recorded
        measured = any(not is_inert(one.operation) for site in search.found for one in site.calls)
        posterior = (
            None
            if measured
            else posterior_of_stand_in(call, search.graph, recorded, search.told, search.where)
        )
        if posterior is None:
            raise SamplingSiteError(f"{search.where}: {call.operation.explain(call.path)}")
        z = call.outputs[0]
        shape = tuple(recorded[z].shape[1:])
        return SamplingSite((call,), posterior, z, shape, call.path, call.operation.missing_class)
