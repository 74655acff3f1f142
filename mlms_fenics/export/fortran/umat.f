! SPDX-License-Identifier: MIT
!     @NAME@ in Abaqus/Standard (and codes that take its UMAT).
!
!     State variables (*DEPVAR): @STATES@, see README.md; all start at zero.
!     With *STEP, NLGEOM=YES; stress and deformation gradient are in the
!     fixed frame, so that *ORIENTATION is not to be used.
!     Solid elements in three dimensions, plane strain or axisymmetric.
      subroutine umat(stress,statev,ddsdde,sse,spd,scd,
     1  rpl,ddsddt,drplde,drpldt,
     2  stran,dstran,time,dtime,temp,dtemp,predef,dpred,cmname,
     3  ndi,nshr,ntens,nstatv,props,nprops,coords,drot,pnewdt,
     4  celent,dfgrd0,dfgrd1,noel,npt,layer,kspt,jstep,kinc)
      use, intrinsic :: iso_c_binding
      include 'aba_param.inc'
      character*80 cmname
      dimension stress(ntens),statev(nstatv),
     1  ddsdde(ntens,ntens),ddsddt(ntens),drplde(ntens),
     2  stran(ntens),dstran(ntens),time(2),predef(1),dpred(1),
     3  props(*),coords(3),drot(3,3),dfgrd0(3,3),dfgrd1(3,3),
     4  jstep(4)
      interface
        integer(c_int) function law_update(n, time, dt, f, old, new,
     1      stress)
     2      bind(c, name='@NAME@_update')
          import :: c_int, c_double
          integer(c_int), value :: n
          real(c_double), value :: time, dt
          real(c_double), intent(in) :: f(*), old(*)
          real(c_double), intent(inout) :: new(*), stress(*)
        end function
        integer(c_int) function law_tangent(time, dt, f, old, tangent)
     1      bind(c, name='@NAME@_tangent')
          import :: c_int, c_double
          real(c_double), value :: time, dt
          real(c_double), intent(in) :: f(*), old(*)
          real(c_double), intent(inout) :: tangent(*)
        end function
      end interface
      parameter (bulk = @BULK@)
      parameter (shear = @SHEAR@)
      parameter (nlaw = @STATES@)
      dimension f(9), s(6), tangent(6,6), new(nlaw), slot(6)
      real(c_double) new
      integer slot
      dimension intv(2), realv(1)
      character*8 charv(1)
!     Abaqus/Standard has shears 12, 13, 23, the law 12, 23, 13.
      data slot /1, 2, 3, 4, 6, 5/

      if (ndi .ne. 3 .or. nstatv .lt. nlaw) then
        intv(1) = nlaw
        intv(2) = nstatv
        call stdb_abqerr(-3, '@NAME@'//
     1    ': needs three direct components (no shells, no plane '//
     2    'stress) and *DEPVAR %I state variables, but has %I',
     3    intv, realv, charv)
        return
      end if

      if (dtime .le. 0) then
        ddsdde = 0
        do i = 1, 3
          ddsdde(i,1:3) = bulk - 2*shear/3
          ddsdde(i,i) = bulk + 4*shear/3
        end do
        do i = 4, ntens
          ddsdde(i,i) = shear
        end do
        return
      end if

      do i = 1, 3
        f(3*i-2:3*i) = dfgrd1(i,1:3)
      end do
      ierr = law_tangent(time(2) + dtime, dtime, f, statev, tangent)
      if (ierr .eq. 0) ierr = law_update(1, time(2) + dtime, dtime, f,
     1    statev, new, s)
      if (ierr .gt. 0) then
!       An inverted trial state: a shorter increment is asked for.
        pnewdt = 0.25d0
        return
      else if (ierr .lt. 0) then
        intv(1) = ierr
        call stdb_abqerr(-3, '@NAME@'//
     1    ': the time or its increment cannot be computed (code %I, '//
     2    'see the header)', intv, realv, charv)
        return
      end if
      statev(1:nlaw) = new
      do i = 1, ntens
        stress(i) = s(slot(i))
        do j = 1, ntens
!         C has rows first, Fortran columns.
          ddsdde(i,j) = tangent(slot(j),slot(i))
        end do
      end do
      end subroutine
