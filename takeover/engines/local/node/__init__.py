"""The inside of a node: what kubelet, kube-proxy, cluster DNS and the container runtime are on a real one.

Nothing here is imported by the test process but the names of the wire: a node is a process tree in namespaces of its own.
"""
