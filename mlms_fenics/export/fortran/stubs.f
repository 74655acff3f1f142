! SPDX-License-Identifier: MIT
!     In the place of Abaqus's own routines, to try a VUMAT or UMAT without
!     it: messages go to the standard error, and the analysis goes on.
      subroutine xplb_abqerr(lop, string, intv, realv, charv)
      implicit none
      integer lop, intv(*)
      real*8 realv(*)
      character*(*) string
      character*8 charv(*)
      integer i, next
      character*12 number
      next = 0
      i = 1
      do while (i .le. len(string))
        if (string(i:min(i+1,len(string))) .eq. '%I') then
          next = next + 1
          write (number, '(i0)') intv(next)
          write (0, '(a)', advance='no') trim(number)
          i = i + 2
        else
          write (0, '(a)', advance='no') string(i:i)
          i = i + 1
        end if
      end do
      write (0, '(a)') ''
      flush (0)
      end subroutine

      subroutine stdb_abqerr(lop, string, intv, realv, charv)
      implicit none
      integer lop, intv(*)
      real*8 realv(*)
      character*(*) string
      character*8 charv(*)
      call xplb_abqerr(lop, string, intv, realv, charv)
      end subroutine
