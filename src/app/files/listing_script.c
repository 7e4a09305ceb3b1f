/* A search in a listing, for browsers that run scripts; the page lacks nothing without it. What is
 * on the page is searched where it is; a folder of several parts is fetched once, as JSON. It
 * stands in the page, so the page's policy names it by its digest: see rh_listing_policy, and
 * change both. */
#include "app/files/listing.h"

const char rh_listing_script[] =
    "(()=>{\n"
    "const body=document.querySelector('tbody'),own=[...body.rows],of=Number(body.dataset.of);\n"
    "const text=(e,t)=>Object.assign(document.createElement(e),{textContent:t});\n"
    "const "
    "input=Object.assign(document.createElement('input'),{type:'search',autocomplete:'off'});\n"
    "const label=text('label','Search ');\n"
    "label.append(input);\n"
    "document.querySelector('.sum').append(label);\n"
    "const row=(f)=>{\n"
    "const tr=document.createElement('tr'),slash=f.type==='folder'?'/':'';\n"
    "const a=Object.assign(text('a',f.name+slash),{href:f.href,className:slash?'d':''});\n"
    "const size=text('td',slash?'':f.size.toLocaleString('en')+' B');\n"
    "tr.append(document.createElement('td'),size,text('td',f.modified.slice(0,16).replace('T',' "
    "')));\n"
    "tr.firstChild.append(a);\n"
    "return tr;\n"
    "};\n"
    "let all;\n"
    "input.oninput=async()=>{\n"
    "if(of>own.length&&!all){\n"
    "all=fetch(location.search||'?',{headers:{Accept:'application/json'}}).then((r)=>r.json());\n"
    "}\n"
    "const list=all&&(await all).entries,word=input.value.toLowerCase();\n"
    "const has=(name)=>name.toLowerCase().includes(word);\n"
    "const rows=word&&list?list.filter((f)=>has(f.name)).slice(0,1000).map(row)\n"
    ":own.filter((r)=>has(r.cells[0].textContent));\n"
    "body.replaceChildren(...rows);\n"
    "};\n"
    "})();\n";

const char rh_listing_policy[] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                                 "connect-src 'self'; base-uri 'none'; "
                                 "form-action 'self'; frame-ancestors 'self'; "
                                 "script-src 'sha256-xNXCiQTWruUTfSMPuFVOzJMFjh3VhdaVE0/Sjf39nqs='";
