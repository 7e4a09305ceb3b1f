-- The one wrk script of the bench. Arguments after "--" are KEY=VALUE:
--   depth=N        N requests in one write (pipelining)
--   method=M       the method; default GET
--   body=N         a body of N bytes
--   form=STRING    this body, as a form
--   header=N:V     a field to add; repeatable
--   routes=N       ask for /route/0 … /route/N-1 in turn instead of the path
-- At the end it prints one line "json {…}" with counts, errors and latencies in microseconds.

local settings = { depth = 1, headers = {} }
local requests = {}
local at = 0

local function read_arguments(args)
   for _, argument in ipairs(args) do
      local key, value = argument:match("^(%w+)=(.*)$")
      if key == "header" then
         local name, text = value:match("^([^:]+):%s*(.*)$")
         wrk.headers[name] = text
      elseif key == "depth" or key == "body" or key == "routes" then
         settings[key] = tonumber(value)
      elseif key then
         settings[key] = value
      end
   end
end

function init(args)
   read_arguments(args)
   wrk.method = settings.method or wrk.method
   if settings.body then
      wrk.body = string.rep("x", settings.body)
      wrk.headers["Content-Type"] = "application/octet-stream"
   elseif settings.form then
      wrk.body = settings.form
      wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
   end
   if settings.routes then
      for i = 0, settings.routes - 1 do
         requests[#requests + 1] = wrk.format(nil, "/route/" .. i .. "/item")
      end
      request = next_request
   elseif settings.depth > 1 then
      -- Without a function "request" wrk asks wrk.format once and never enters Lua again.
      local burst = string.rep(wrk.format(), settings.depth)
      wrk.format = function() return burst end
   end
end

function next_request()
   at = at % #requests + 1
   return requests[at]
end

function done(summary, latency)
   local e = summary.errors
   io.write(string.format(
      'json {"requests": %d, "seconds": %.6f, "bytes": %d, "errors": %d, "p50": %.1f, ' ..
      '"p90": %.1f, "p99": %.1f, "p999": %.1f, "max": %.1f}\n',
      summary.requests, summary.duration / 1e6, summary.bytes,
      e.connect + e.read + e.write + e.status + e.timeout,
      latency:percentile(50), latency:percentile(90), latency:percentile(99),
      latency:percentile(99.9), latency.max))
end
