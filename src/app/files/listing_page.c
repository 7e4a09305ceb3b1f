/* The list as a page: where one is, the names with sizes and times, and the way on where they are
 * many. It needs no script; sorting is a link. Names are bytes of whoever can write there: escaped
 * in text, percent-encoded in links, which begin with "./" so that "javascript:x" is a name and not
 * a scheme. */
#include <string.h>

#include "app/files/listing.h"
#include "app/page.h"
#include "util/utf8.h"

static const char style[] =
    "header{padding-top:1.25rem;min-height:3.1rem}\nh1{margin-top:.75rem}\n"
    "ol{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;font:600 1.05rem "
    "var(--mono)}\n"
    "li::after{content:\"/\";color:var(--quiet);padding:0 .45em}\n"
    "li a{text-decoration:none}\nli a:hover{text-decoration:underline}\n"
    ".sum{color:var(--quiet);margin:.5rem 0 1rem;display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;"
    "justify-content:space-between;align-items:center}\n"
    "input{font:inherit;color:var(--ink);background:var(--raised);border:1px solid var(--quiet);"
    "border-radius:.55rem;padding:.3rem .6rem;width:14rem;max-width:100%;margin-left:.4rem}\n"
    ".card{background:var(--raised);border:1px solid var(--line);border-radius:.9rem;"
    "overflow:hidden}\n"
    "table{width:100%;border-collapse:collapse}\n"
    "th,td{text-align:left;padding:.5rem 1rem;border-bottom:1px solid var(--line)}\n"
    "tbody tr:last-child td{border-bottom:0}\n"
    "th{font-size:.9rem;color:var(--quiet);font-weight:600;white-space:nowrap}\n"
    "th a{color:inherit;text-decoration:none;display:inline-block;padding:.2rem 0}\n"
    "th a:hover{color:var(--ink);text-decoration:underline}\n"
    "th[aria-sort] a{color:var(--accent)}\n"
    "th[aria-sort=ascending] a::after{content:\" \\2191\"}\n"
    "th[aria-sort=descending] a::after{content:\" \\2193\"}\n"
    "td:nth-child(2),th:nth-child(2){text-align:right}\nth:nth-child(n+2){width:1%}\n"
    "td+td{white-space:nowrap;color:var(--quiet);font-variant-numeric:tabular-nums;font-size:."
    "94rem}\n"
    "tbody tr:hover{background:color-mix(in srgb,var(--line) 35%,transparent)}\n"
    "td "
    "a{display:block;padding-left:2rem;position:relative;text-decoration:none;color:var(--ink)}\n"
    "td a:hover{color:var(--accent);text-decoration:underline}\n"
    "td a::before{content:\"\";position:absolute;left:.1rem;top:.28rem;width:.95rem;height:1.15rem;"
    "border:1.5px solid var(--quiet);border-radius:.15rem .45rem .15rem .15rem}\n"
    "td a.d{font-weight:600}\n"
    "td a.d::before{left:0;top:.36rem;width:1.25rem;height:1rem;border:0;border-radius:.12rem;"
    "background:var(--accent);clip-path:polygon(0 0,40% 0,50% 18%,100% 18%,100% 100%,0 100%)}\n"
    ".empty{padding:2.5rem 1rem;margin:0;text-align:center;color:var(--quiet)}\n"
    ".pages{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.5rem 1.5rem;"
    "margin:1rem 0}\n"
    "@media(max-width:40rem){thead th:nth-child(n+2){padding-left:0;width:auto}th,td{padding:.5rem "
    ".9rem}\n"
    "tr{display:flex;flex-wrap:wrap;border-bottom:1px solid var(--line)}\n"
    "tbody tr:last-child{border-bottom:0}th,td{border:0}\n"
    "td:first-child{width:100%;padding-bottom:0}\n"
    "td:nth-child(2){padding-left:2.9rem;padding-right:0}td:nth-child(2):empty{padding-left:2rem}\n"
    "td+td{font-size:.875rem;padding-top:.1rem}}\n"
    "@media print{a{color:inherit}.pages{display:none}}\n";

/* `text` for HTML text and attributes. What is no UTF-8, and control bytes, become U+FFFD: the page
 * says that it is UTF-8. */
static void put_escaped(FILE *out, struct rh_slice text)
{
    const char *at = text.base;
    const char *end = at + text.len;
    while (at < end) {
        uint32_t point = 0;
        size_t len = rh_utf8_next(at, end, &point);
        if (len == 0 || point < 0x20 || point == 0x7f) {
            fputs("\xef\xbf\xbd", out);
        } else if (strchr("<>&\"'", (int)point) != NULL && point < 0x80) {
            fprintf(out, "&#%u;", (unsigned)point);
        } else {
            fwrite(at, 1, len, out);
        }
        at += len > 0 ? len : 1;
    }
}

void rh_listing_put_encoded(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
            strchr("-._~", c) != NULL) {
            putc(c, out);
        } else {
            fprintf(out, "%%%02X", c);
        }
    }
}

void rh_listing_size(uint64_t bytes, char out[32])
{
    static const char units[] = "KMGTPE";
    double size = (double)bytes;
    int unit = -1;
    if (bytes < 1024) {
        snprintf(out, 32, "%u B", (unsigned)bytes);
        return;
    }
    while (size >= 1023.95) { /* what would be printed as 1024.0 */
        size /= 1024;
        unit++;
    }
    snprintf(out, 32,
             size < 9.995   ? "%.2f %ciB"
             : size < 99.95 ? "%.1f %ciB"
                            : "%.0f %ciB",
             size, units[unit]);
}

/* "1,234,567". */
static void put_grouped(FILE *out, uint64_t number)
{
    if (number >= 1000) {
        put_grouped(out, number / 1000);
        fprintf(out, ",%03u", (unsigned)(number % 1000));
    } else {
        fprintf(out, "%u", (unsigned)number);
    }
}

static void put_count(FILE *out, uint64_t count, const char *noun)
{
    put_grouped(out, count);
    fprintf(out, " %s%s", noun, count == 1 ? "" : "s");
}

static void put_folder_name(FILE *out, struct rh_slice name)
{
    if (name.len == 0) {
        fputs("Home", out);
    } else {
        put_escaped(out, name);
    }
}

/* The folders from the root to the one above, each a link, then this one as the page's heading. The
 * root is all of the path that is above the folders of its own. */
static void put_crumbs(FILE *out, const struct rh_listing *listing)
{
    const char *begin = listing->url_path.base;
    const char *end = begin + listing->url_path.len;
    const char *part_end = end - 1; /* the last slash */
    for (size_t i = 0; i < listing->depth; i++) {
        part_end = memrchr(begin, '/', (size_t)(part_end - begin));
    }
    fputs("<header>", out);
    if (listing->depth > 0) {
        fputs("\n<nav aria-label=\"Folders above\"><ol>", out);
    }
    for (size_t up = listing->depth; up > 0; up--) {
        fputs("<li><a href=\"", out);
        for (size_t i = 0; i < up; i++) {
            fputs("../", out);
        }
        fputs("\">", out);
        put_folder_name(out, (struct rh_slice){begin, (size_t)(part_end - begin)});
        fputs("</a></li>", out);
        begin = part_end + 1;
        part_end = memchr(begin, '/', (size_t)(end - begin));
    }
    fputs(listing->depth > 0 ? "</ol></nav>\n</header>\n<main>\n<h1>" : "</header>\n<main>\n<h1>",
          out);
    put_folder_name(out, (struct rh_slice){begin, (size_t)(part_end - begin)});
    fputs("</h1>\n", out);
}

/* The query that shows another part, or another order, of the same folder. */
static void put_query(FILE *out, enum rh_listing_sort sort, bool is_descending, size_t page)
{
    static const char *const names[] = {"name", "size", "time"};
    fprintf(out, "?sort=%s%s", names[sort], is_descending ? "&amp;order=desc" : "");
    if (page > 0) {
        fprintf(out, "&amp;page=%zu", page + 1);
    }
}

static void put_head_cell(FILE *out, const struct rh_listing_view *view, enum rh_listing_sort sort,
                          const char *title)
{
    bool is_chosen = view->sort == sort;
    fputs("<th scope=\"col\"", out);
    if (is_chosen) {
        fprintf(out, " aria-sort=\"%s\"", view->is_descending ? "descending" : "ascending");
    }
    fputs("><a href=\"", out);
    put_query(out, sort, is_chosen && !view->is_descending, 0);
    fprintf(out, "\">%s</a></th>", title);
}

static void put_row(FILE *out, const struct rh_listing_row *row)
{
    char text[32];
    struct tm tm;
    const char *slash = row->is_folder ? "/" : "";
    fprintf(out, "<tr><td><a%s href=\"./", row->is_folder ? " class=\"d\"" : "");
    rh_listing_put_encoded(out, row->name);
    fprintf(out, "%s\">", slash);
    put_escaped(out, rh_slice_from(row->name));
    fprintf(out, "%s</a></td>", slash);
    if (row->is_folder) {
        fputs("<td></td>", out);
    } else {
        fputs("<td title=\"", out);
        put_count(out, row->size, "byte");
        rh_listing_size(row->size, text);
        fprintf(out, "\">%s</td>", text);
    }
    fputs("<td>", out);
    if (gmtime_r(&row->modified, &tm) != NULL) {
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
        fprintf(out, "<time datetime=\"%s\">", text);
        strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm);
        fprintf(out, "%s</time>", text);
    }
    fputs("</td></tr>\n", out);
}

static void put_pages(FILE *out, const struct rh_listing *listing,
                      const struct rh_listing_view *view, size_t first, size_t end)
{
    fputs("<nav class=\"pages\" aria-label=\"Parts\"><span>", out);
    put_grouped(out, first + 1);
    fputs(" to ", out);
    put_grouped(out, end);
    fputs(" of ", out);
    put_grouped(out, listing->count);
    fputs("</span><span>", out);
    if (first > 0) {
        fputs("<a rel=\"prev\" href=\"", out);
        put_query(out, view->sort, view->is_descending, view->page - 1);
        fputs("\">Previous</a>", out);
    }
    if (first > 0 && end < listing->count) {
        fputs(" &middot; ", out);
    }
    if (end < listing->count) {
        fputs("<a rel=\"next\" href=\"", out);
        put_query(out, view->sort, view->is_descending, view->page + 1);
        fputs("\">Next</a>", out);
    }
    fputs("</span></nav>\n", out);
}

static void put_table(FILE *out, const struct rh_listing *listing,
                      const struct rh_listing_view *view, size_t first, size_t end)
{
    fputs("<div class=\"card\"><table>\n<thead><tr>", out);
    put_head_cell(out, view, RH_SORT_NAME, "Name");
    put_head_cell(out, view, RH_SORT_SIZE, "Size");
    put_head_cell(out, view, RH_SORT_TIME, "Modified (UTC)");
    fprintf(out, "</tr></thead>\n<tbody data-of=\"%zu\">\n", listing->count);
    for (size_t i = first; i < end; i++) {
        put_row(out, &listing->rows[i]);
    }
    fputs("</tbody></table></div>\n", out);
}

static void put_sum(FILE *out, const struct rh_listing *listing)
{
    char size[32];
    fputs("<p class=\"sum\">", out);
    if (listing->folders > 0) {
        put_count(out, listing->folders, "folder");
        fputs(listing->count > listing->folders ? ", " : "", out);
    }
    if (listing->count > listing->folders) {
        put_count(out, listing->count - listing->folders, "file");
        rh_listing_size(listing->bytes, size);
        fprintf(out, ", %s", size);
    }
    if (listing->is_cut) {
        fputs("; the folder has more, which are not shown", out);
    }
    fputs("</p>\n", out);
}

void rh_listing_put_page(FILE *out, const struct rh_listing *listing,
                         const struct rh_listing_view *view)
{
    size_t first = view->page * RH_LISTING_PAGE_ROWS;
    first = first < listing->count ? first : 0;
    size_t end = first + RH_LISTING_PAGE_ROWS;
    end = end < listing->count ? end : listing->count;
    struct rh_listing_view shown = *view;
    shown.page = first / RH_LISTING_PAGE_ROWS;
    fputs(rh_page_head, out);
    put_escaped(out, listing->url_path);
    fprintf(out, "</title>\n<style>\n%s%s</style>\n</head>\n<body>\n", rh_page_style, style);
    put_crumbs(out, listing);
    if (listing->count == 0) {
        fputs("<div class=\"card\"><p class=\"empty\">This folder is empty.</p></div>\n", out);
    } else {
        put_sum(out, listing);
        put_table(out, listing, &shown, first, end);
    }
    if (listing->count > RH_LISTING_PAGE_ROWS) {
        put_pages(out, listing, &shown, first, end);
    }
    fputs("</main>\n<footer></footer>\n", out);
    if (listing->count > 0) {
        fprintf(out, "<script>%s</script>\n", rh_listing_script);
    }
    fputs("</body>\n</html>\n", out);
}
