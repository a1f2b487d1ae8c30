-- For wrk: 80 % reads of single customers, 10 % recomputations, 5 % ingestion, 5 % lists, at a
-- steady rate; prints what was answered as JSON.
-- Arguments: an editor's key, customers, milliseconds between two requests of a connection, a seed.
local customers, pause, statuses = 0, 0, {}
local headers = {}
local lists = {
  "/api/v1/clv/records", "/api/v1/clv/records?segment=at_risk&sort=-revenueAtRisk",
  "/api/v1/clv/records?sort=-clvScore&limit=100", "/api/v1/clv/summary", "/api/v1/clv/jobs",
  "/api/v1/clv/changes",
}
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  headers = { Authorization = "Bearer " .. arguments[1], ["Content-Type"] = "application/json" }
  customers, pause = tonumber(arguments[2]), tonumber(arguments[3])
  math.randomseed(tonumber(arguments[4]))
  answered = {}
end

local function customer()
  return string.format("CUST-%07d", math.random(0, customers - 1))
end

function request()
  local kind = math.random(100)
  if kind <= 80 then
    return wrk.format("GET", "/api/v1/customers/" .. customer() .. "/clv", headers)
  elseif kind <= 90 then
    return wrk.format("POST", "/api/v1/customers/" .. customer() .. "/clv", headers)
  elseif kind <= 95 then
    local row = string.format(
      '{"data": [{"customerId": "%s", "periodType": "daily", "periodKey": "%s", "offerId": "soak",'
      .. ' "impressions": %d, "totalValue": %d, "lastContactAt": "%sT00:00:00Z"}]}',
      customer(), os.date("!%Y-%m-%d"), math.random(9), math.random(99), os.date("!%Y-%m-%d"))
    return wrk.format("POST", "/api/v1/interaction-summaries", headers, row)
  end
  return wrk.format("GET", lists[math.random(#lists)], headers)
end

function delay()
  -- Evenly spread, so that connections do not march in step.
  return math.random() * 2 * pause
end

function response(status)
  answered[status] = (answered[status] or 0) + 1
end

function done(summary, latency, _)
  local answers = {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("answered")) do
      answers[status] = (answers[status] or 0) + count
    end
  end
  local counts = {}
  for status, count in pairs(answers) do
    table.insert(counts, string.format('"%d": %d', status, count))
  end
  local errors = summary.errors
  io.stderr:write(string.format(
    '{"requests": %d, "microseconds": %d, "p50_us": %d, "p99_us": %d, "unanswered": %d,'
    .. ' "statuses": {%s}}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout, table.concat(counts, ", ")))
end
