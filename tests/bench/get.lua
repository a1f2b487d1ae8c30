-- For wrk: asks for one customer after the other, and prints what was measured as JSON.
local requests, last = {}, 0

function init(arguments)
  for number = 0, tonumber(arguments[1]) - 1 do
    local path = string.format("/api/v1/customers/CUST-%07d/clv", number)
    table.insert(requests, wrk.format("GET", path))
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.stderr:write(string.format(
    '{"requests": %d, "microseconds": %d, "p99_us": %d, "errors": %d}\n',
    summary.requests, summary.duration, latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
