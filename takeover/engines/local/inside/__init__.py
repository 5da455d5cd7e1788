"""The inside of a node: what kubelet, kube-proxy, cluster DNS and the container runtime are on a real one.

A node is a process tree in namespaces of its own.
"""
