/* The looks of pages that the library makes itself: listings and errors. */
#ifndef RH_APP_PAGE_H
#define RH_APP_PAGE_H

/* From the doctype to the beginning of the title. */
extern const char rh_page_head[];
/* What a <style> of such a page begins with: colours, text, the frame of header, main and footer.
 */
extern const char rh_page_style[];
/* A policy under which they work, and nothing that a name or a detail could smuggle in: for apps
 * whose own policy forbids styles within a page. */
extern const char rh_page_policy[];

#endif
