! SPDX-License-Identifier: MIT
!     @NAME@ in Abaqus/Explicit, in double precision.
!
!     State variables (*DEPVAR): @STATES@ of the law, see README.md, then one
!     for *DEPVAR, DELETE=@COUNT@: 1 active, 0 deleted. All start at zero.
!     Property 1 (optional): an element is deleted where its distance from
!     the law's training data exceeds it; 0: never.
!
!     Stress and stretch are in the frame that turns with the material.
!     Solid elements in three dimensions, plane strain or axisymmetric.
      subroutine vumat(
     1  nblock, ndir, nshr, nstatev, nfieldv, nprops, lanneal,
     2  stepTime, totalTime, dt, cmname, coordMp, charLength,
     3  props, density, strainInc, relSpinInc,
     4  tempOld, stretchOld, defgradOld, fieldOld,
     5  stressOld, stateOld, enerInternOld, enerInelasOld,
     6  tempNew, stretchNew, defgradNew, fieldNew,
     7  stressNew, stateNew, enerInternNew, enerInelasNew )
      use, intrinsic :: iso_c_binding
      include 'vaba_param.inc'
      character*80 cmname
      dimension props(nprops), density(nblock),
     1  coordMp(nblock,*), charLength(nblock),
     2  strainInc(nblock,ndir+nshr), relSpinInc(nblock,nshr),
     3  tempOld(nblock), stretchOld(nblock,ndir+nshr),
     4  defgradOld(nblock,ndir+nshr+nshr), fieldOld(nblock,nfieldv),
     5  stressOld(nblock,ndir+nshr), stateOld(nblock,nstatev),
     6  enerInternOld(nblock), enerInelasOld(nblock),
     7  tempNew(nblock), stretchNew(nblock,ndir+nshr),
     8  defgradNew(nblock,ndir+nshr+nshr), fieldNew(nblock,nfieldv),
     9  stressNew(nblock,ndir+nshr), stateNew(nblock,nstatev),
     1  enerInternNew(nblock), enerInelasNew(nblock)
      interface
        integer(c_int) function law_stretch(n, time, dt, u, old, new,
     1      stress)
     2      bind(c, name='@NAME@_stretch')
          import :: c_int, c_double
          integer(c_int), value :: n
          real(c_double), value :: time, dt
          real(c_double), intent(in) :: u(n,*), old(n,*)
          real(c_double), intent(inout) :: new(n,*), stress(n,*)
        end function
      end interface
      parameter (bulk = @BULK@)
      parameter (shear = @SHEAR@)
      parameter (nlaw = @STATES@)
      dimension u(nblock,6), s(nblock,6)
      dimension intv(2), realv(1)
      character*8 charv(1)

      if (ndir .ne. 3 .or. nstatev .lt. nlaw + 1) then
        intv(1) = nlaw + 1
        intv(2) = nstatev
        call xplb_abqerr(-3, '@NAME@'//
     1    ': needs three direct components (no shells, no plane '//
     2    'stress) and *DEPVAR %I state variables, but has %I',
     3    intv, realv, charv)
        return
      end if

!     The check of the data before the analysis: elastic.
      if (stepTime .le. 0 .and. totalTime .le. 0) then
        do k = 1, nblock
          trace = strainInc(k,1) + strainInc(k,2) + strainInc(k,3)
          do i = 1, ndir + nshr
            stressNew(k,i) = stressOld(k,i) + 2*shear*strainInc(k,i)
            if (i .le. 3) stressNew(k,i) = stressNew(k,i)
     1          + (bulk - 2*shear/3)*trace
          end do
        end do
        stateNew(:,:) = stateOld(:,:)
        stateNew(:,nlaw+1) = 1
        return
      end if

      u = 0
      u(:,1:3+nshr) = stretchNew(:,1:3+nshr)
      ierr = law_stretch(nblock, totalTime, dt, u, stateOld, stateNew,
     1    s)
      if (ierr .ne. 0) then
        stressNew = 0
        stressNew = stressNew/stressNew
        intv(1) = ierr
        if (ierr .gt. 0) then
          call xplb_abqerr(-3, '@NAME@'//
     1      ': point %I of a block has a stretch that is not '//
     2      'positive or is NaN: the element is inverted or the '//
     3      'analysis has diverged', intv, realv, charv)
        else
          call xplb_abqerr(-3, '@NAME@'//
     1      ': the time or its step cannot be computed (code %I, '//
     2      'see the header)', intv, realv, charv)
        end if
        return
      end if
      stressNew(:,1:3+nshr) = s(:,1:3+nshr)

      do k = 1, nblock
        work = 0
        do i = 1, ndir + nshr
          factor = 0.5d0
          if (i .gt. 3) factor = 1
          work = work + factor*(stressOld(k,i) + stressNew(k,i))
     1        *strainInc(k,i)
        end do
        enerInternNew(k) = enerInternOld(k) + work/density(k)
        enerInelasNew(k) = enerInelasOld(k)
        stateNew(k,nlaw+1) = 1
      end do
      if (nprops .gt. 0) then
        if (props(1) .gt. 0) then
          where (stateNew(:,2) .gt. props(1)) stateNew(:,nlaw+1) = 0
        end if
      end if
      end subroutine
