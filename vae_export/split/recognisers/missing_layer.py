"""A layer whose code is not at hand, which names and settings say is a sampling layer."""

from __future__ import annotations

from vae_export.errors import SamplingSiteError
from vae_export.split.assumed import assumed_posterior
from vae_export.split.graph import Call
from vae_export.split.recognisers.protocol import Search
from vae_export.split.sampling_site import SamplingSite
from vae_export.split.stand_in import StandIn

__all__ = ["MissingLayer"]


class MissingLayer:
    """Nothing is measured: what is assumed is evidence, which is printed; what is missing is asked for."""

    name = "a layer without code"

    def recognise(self, search: Search, call: Call) -> SamplingSite | None:
        """Read names; a model that has a measured site has no second one without code.

        Raises:
            SamplingSiteError: the layer is not known to draw, or names say too little.
        """
        if not isinstance(call.operation, StandIn):
            return None
        recorded = search.run.recorded
        measured = any(not isinstance(one.operation, StandIn) for site in search.found for one in site.calls)
        posterior = (
            None if measured else assumed_posterior(call, search.graph, recorded, search.told, search.where)
        )
        if posterior is None:
            raise SamplingSiteError(f"{search.where}: {call.operation.explain(call.path)}")
        z = call.outputs[0]
        shape = tuple(recorded[z].shape[1:])
        return SamplingSite((call,), posterior, z, shape, call.path, call.operation.missing_class)
