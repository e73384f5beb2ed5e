# fb_embed(OUT ROOT dir DIRS d...): writes an assembler file that holds every file below the
# folders and the table `fb_embedded` that base/embed.h declares, sorted by path.
function(fb_embed out)
  cmake_parse_arguments(E "" "ROOT" "DIRS" ${ARGN})
  set(files "")
  foreach(dir IN LISTS E_DIRS)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS RELATIVE ${E_ROOT} ${E_ROOT}/${dir}/*)
    list(APPEND files ${found})
  endforeach()
  list(FILTER files EXCLUDE REGEX "\\.(md|py)$")
  list(SORT files)
  set(blobs "")
  set(table "")
  set(paths "")
  set(i 0)
  foreach(f IN LISTS files)
    string(APPEND blobs ".balign 64\nfb_blob_${i}: .incbin \"${E_ROOT}/${f}\"\nfb_blob_end_${i}: .byte 0\n")
    string(APPEND paths "fb_path_${i}: .asciz \"${f}\"\n")
    string(APPEND table ".quad fb_path_${i}, fb_blob_${i}, fb_blob_end_${i} - fb_blob_${i}\n")
    math(EXPR i "${i} + 1")
    set_property(SOURCE ${out} APPEND PROPERTY OBJECT_DEPENDS ${E_ROOT}/${f})
  endforeach()
  file(CONFIGURE OUTPUT ${out} CONTENT
"/* Made by cmake/embed.cmake. */
.section .rodata
@blobs@
@paths@
.section .data.rel.ro,\"aw\"
.balign 8
.globl fb_embedded
fb_embedded:
@table@.quad 0, 0, 0
.section .note.GNU-stack,\"\",%progbits
" @ONLY)
endfunction()
