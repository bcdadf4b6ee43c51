"""GKE's NEG controller: network endpoint groups that follow Services and their pods.

`source` says which NEGs a Service wants, `controller` keeps svcneg objects and annotations,
`syncer` the NEGs and their endpoints, `gates` the readiness gates, `collector` deletes what is
left over.
"""
