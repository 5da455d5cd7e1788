-- A script that no Lua takes.
function envoy_on_request(handle
