"""The mesh's mind: Services, Pods and a small file of what people want, made into what each Envoy is to be told by xDS.

It knows nothing of gRPC: resources are plain data, in the form that Envoy's YAML has.
"""
