/* Marks what the library exports; everything else in it is hidden. */
#ifndef RAWHTTP_EXPORT_H
#define RAWHTTP_EXPORT_H

#define RH_API __attribute__((visibility("default")))

#endif
