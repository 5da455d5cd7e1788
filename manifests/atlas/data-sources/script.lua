-- A script of a file, as deployments mount it from a ConfigMap. What is global lives as long as the state of its worker.
count = (count or 0)

function envoy_on_request(handle)
  count = count + 1
  handle:headers():add("x-of-file", "request " .. count)
end

function envoy_on_response(handle)
  handle:headers():add("x-of-file", "response " .. count)
end
