/* The same colours and type as pages/style.css, in one piece: such a page loads nothing. */
#include "app/page.h"

const char rh_page_head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n"
    "<title>";

const char rh_page_style[] =
    ":root{--paper:#fbfaf6;--raised:#fff;--ink:#1b1f1e;--quiet:#55605d;--line:#dcd9d0;"
    "--accent:#0b6e5f;--warm:#9a4a10;"
    "--sans:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"Liberation "
    "Sans\",sans-serif;"
    "--mono:ui-monospace,\"SF Mono\",\"Cascadia Mono\",\"DejaVu Sans Mono\",\"Liberation Mono\","
    "monospace}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#0f1413;--raised:#171e1c;--ink:#e9ece9;"
    "--quiet:#a3b0ac;--line:#2b3532;--accent:#62d6bf;--warm:#f0b070}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;font:1.0625rem/1.6 var(--sans);color:var(--ink);background:var(--paper);"
    "overflow-wrap:anywhere;min-height:100vh;display:flex;flex-direction:column}\n"
    "header,main,footer{width:100%;max-width:66rem;margin:0 auto;padding:0 1.25rem}\n"
    "main{flex:1 0 auto}\n"
    "h1{font-size:clamp(1.7rem,1.2rem + 2.6vw,2.8rem);line-height:1.1;letter-spacing:-.025em;"
    "margin:2.5rem 0 .75rem}\n"
    "a{color:var(--accent);text-underline-offset:.18em}\n"
    ":focus-visible{outline:3px solid var(--accent);outline-offset:3px;border-radius:4px}\n"
    "footer{padding-top:2rem;padding-bottom:2rem;color:var(--quiet);font-size:.94rem}\n"
    "footer p{border-top:1px solid var(--line);padding-top:1rem;margin:0}\n";

const char rh_page_policy[] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                              "base-uri 'none'; form-action 'self'; frame-ancestors 'self'";
