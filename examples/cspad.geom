; A detector laid out like the CSPAD of LCLS: 4 quadrants of 8 sensors of 2 chips around a hole,
; each sensor a little off its place and turned by some tenths of a degree.

photon_energy = 9500  ; eV
clen = 0.0793  ; m
adu_per_photon = 1
res = 9097.525  ; 109.92 µm

data = /entry/data/data
dim0 = %
dim1 = ss
dim2 = fs

q0a0/min_fs = 0
q0a0/max_fs = 193
q0a0/min_ss = 0
q0a0/max_ss = 184
q0a0/fs = +1.000000x +0.000103y -0.000119z
q0a0/ss = -0.000103x +1.000000y
q0a0/corner_x = 33.4613
q0a0/corner_y = 48.8373
q0a0/coffset = -0.0000510

q0a1/min_fs = 194
q0a1/max_fs = 387
q0a1/min_ss = 0
q0a1/max_ss = 184
q0a1/fs = +1.000000x +0.000103y -0.000119z
q0a1/ss = -0.000103x +1.000000y
q0a1/corner_x = 230.4613
q0a1/corner_y = 48.8575
q0a1/coffset = -0.0000510

q0a2/min_fs = 0
q0a2/max_fs = 193
q0a2/min_ss = 185
q0a2/max_ss = 369
q0a2/fs = +0.999999x -0.001582y -0.000739z
q0a2/ss = +0.001582x +0.999999y
q0a2/corner_x = 32.7527
q0a2/corner_y = 255.2702
q0a2/coffset = 0.0000747

q0a3/min_fs = 194
q0a3/max_fs = 387
q0a3/min_ss = 185
q0a3/max_ss = 369
q0a3/fs = +0.999999x -0.001582y -0.000739z
q0a3/ss = +0.001582x +0.999999y
q0a3/corner_x = 229.7525
q0a3/corner_y = 254.9585
q0a3/coffset = 0.0000747

q0a4/min_fs = 0
q0a4/max_fs = 193
q0a4/min_ss = 370
q0a4/max_ss = 554
q0a4/fs = -0.004700x +0.999989y -0.000152z
q0a4/ss = -0.999989x -0.004700y
q0a4/corner_x = 629.8503
q0a4/corner_y = 49.4131
q0a4/coffset = -0.0000137

q0a5/min_fs = 194
q0a5/max_fs = 387
q0a5/min_ss = 370
q0a5/max_ss = 554
q0a5/fs = -0.004700x +0.999989y -0.000152z
q0a5/ss = -0.999989x -0.004700y
q0a5/corner_x = 628.9244
q0a5/corner_y = 246.4110
q0a5/coffset = -0.0000137

q0a6/min_fs = 0
q0a6/max_fs = 193
q0a6/min_ss = 555
q0a6/max_ss = 739
q0a6/fs = -0.001389x +0.999999y +0.000274z
q0a6/ss = -0.999999x -0.001389y
q0a6/corner_x = 836.8487
q0a6/corner_y = 48.4869
q0a6/coffset = -0.0000153

q0a7/min_fs = 194
q0a7/max_fs = 387
q0a7/min_ss = 555
q0a7/max_ss = 739
q0a7/fs = -0.001389x +0.999999y +0.000274z
q0a7/ss = -0.999999x -0.001389y
q0a7/corner_x = 836.5750
q0a7/corner_y = 245.4867
q0a7/coffset = -0.0000153

q0a8/min_fs = 0
q0a8/max_fs = 193
q0a8/min_ss = 740
q0a8/max_ss = 924
q0a8/fs = +0.002611x +0.999997y -0.000768z
q0a8/ss = -0.999997x +0.002611y
q0a8/corner_x = 215.4292
q0a8/corner_y = 460.5356
q0a8/coffset = -0.0000671

q0a9/min_fs = 194
q0a9/max_fs = 387
q0a9/min_ss = 740
q0a9/max_ss = 924
q0a9/fs = +0.002611x +0.999997y -0.000768z
q0a9/ss = -0.999997x +0.002611y
q0a9/corner_x = 215.9435
q0a9/corner_y = 657.5350
q0a9/coffset = -0.0000671

q0a10/min_fs = 0
q0a10/max_fs = 193
q0a10/min_ss = 925
q0a10/max_ss = 1109
q0a10/fs = +0.002442x +0.999997y +0.000015z
q0a10/ss = -0.999997x +0.002442y
q0a10/corner_x = 423.1950
q0a10/corner_y = 459.4394
q0a10/coffset = -0.0001492

q0a11/min_fs = 194
q0a11/max_fs = 387
q0a11/min_ss = 925
q0a11/max_ss = 1109
q0a11/fs = +0.002442x +0.999997y +0.000015z
q0a11/ss = -0.999997x +0.002442y
q0a11/corner_x = 423.6761
q0a11/corner_y = 656.4389
q0a11/coffset = -0.0001492

q0a12/min_fs = 0
q0a12/max_fs = 193
q0a12/min_ss = 1110
q0a12/max_ss = 1294
q0a12/fs = +0.999996x +0.002692y +0.000287z
q0a12/ss = -0.002692x +0.999996y
q0a12/corner_x = 444.5865
q0a12/corner_y = 458.9536
q0a12/coffset = 0.0000385

q0a13/min_fs = 194
q0a13/max_fs = 387
q0a13/min_ss = 1110
q0a13/max_ss = 1294
q0a13/fs = +0.999996x +0.002692y +0.000287z
q0a13/ss = -0.002692x +0.999996y
q0a13/corner_x = 641.5858
q0a13/corner_y = 459.4839
q0a13/coffset = 0.0000385

q0a14/min_fs = 0
q0a14/max_fs = 193
q0a14/min_ss = 1295
q0a14/max_ss = 1479
q0a14/fs = +1.000000x -0.000900y -0.000325z
q0a14/ss = +0.000900x +1.000000y
q0a14/corner_x = 444.7981
q0a14/corner_y = 667.9060
q0a14/coffset = -0.0000207

q0a15/min_fs = 194
q0a15/max_fs = 387
q0a15/min_ss = 1295
q0a15/max_ss = 1479
q0a15/fs = +1.000000x -0.000900y -0.000325z
q0a15/ss = +0.000900x +1.000000y
q0a15/corner_x = 641.7980
q0a15/corner_y = 667.7287
q0a15/coffset = -0.0000207

q1a0/min_fs = 0
q1a0/max_fs = 193
q1a0/min_ss = 1480
q1a0/max_ss = 1664
q1a0/fs = -0.001043x +0.999999y -0.000265z
q1a0/ss = -0.999999x -0.001043y
q1a0/corner_x = -47.6229
q1a0/corner_y = 33.3657
q1a0/coffset = -0.0001285

q1a1/min_fs = 194
q1a1/max_fs = 387
q1a1/min_ss = 1480
q1a1/max_ss = 1664
q1a1/fs = -0.001043x +0.999999y -0.000265z
q1a1/ss = -0.999999x -0.001043y
q1a1/corner_x = -47.8283
q1a1/corner_y = 230.3656
q1a1/coffset = -0.0001285

q1a2/min_fs = 0
q1a2/max_fs = 193
q1a2/min_ss = 1665
q1a2/max_ss = 1849
q1a2/fs = +0.002514x +0.999997y -0.000296z
q1a2/ss = -0.999997x +0.002514y
q1a2/corner_x = -256.7057
q1a2/corner_y = 32.3565
q1a2/coffset = 0.0000528

q1a3/min_fs = 194
q1a3/max_fs = 387
q1a3/min_ss = 1665
q1a3/max_ss = 1849
q1a3/fs = +0.002514x +0.999997y -0.000296z
q1a3/ss = -0.999997x +0.002514y
q1a3/corner_x = -256.2103
q1a3/corner_y = 229.3559
q1a3/coffset = 0.0000528

q1a4/min_fs = 0
q1a4/max_fs = 193
q1a4/min_ss = 1850
q1a4/max_ss = 2034
q1a4/fs = -0.999991x -0.004157y +0.000382z
q1a4/ss = +0.004157x -0.999991y
q1a4/corner_x = -48.3109
q1a4/corner_y = 630.2510
q1a4/coffset = 0.0000402

q1a5/min_fs = 194
q1a5/max_fs = 387
q1a5/min_ss = 1850
q1a5/max_ss = 2034
q1a5/fs = -0.999991x -0.004157y +0.000382z
q1a5/ss = +0.004157x -0.999991y
q1a5/corner_x = -245.3092
q1a5/corner_y = 629.4321
q1a5/coffset = 0.0000402

q1a6/min_fs = 0
q1a6/max_fs = 193
q1a6/min_ss = 2035
q1a6/max_ss = 2219
q1a6/fs = -0.999992x +0.003996y +0.000139z
q1a6/ss = -0.003996x -0.999992y
q1a6/corner_x = -47.7022
q1a6/corner_y = 835.6400
q1a6/coffset = -0.0001768

q1a7/min_fs = 194
q1a7/max_fs = 387
q1a7/min_ss = 2035
q1a7/max_ss = 2219
q1a7/fs = -0.999992x +0.003996y +0.000139z
q1a7/ss = -0.003996x -0.999992y
q1a7/corner_x = -244.7006
q1a7/corner_y = 836.4272
q1a7/coffset = -0.0001768

q1a8/min_fs = 0
q1a8/max_fs = 193
q1a8/min_ss = 2220
q1a8/max_ss = 2404
q1a8/fs = -1.000000x +0.000751y +0.000137z
q1a8/ss = -0.000751x -1.000000y
q1a8/corner_x = -459.8835
q1a8/corner_y = 216.5458
q1a8/coffset = -0.0000018

q1a9/min_fs = 194
q1a9/max_fs = 387
q1a9/min_ss = 2220
q1a9/max_ss = 2404
q1a9/fs = -1.000000x +0.000751y +0.000137z
q1a9/ss = -0.000751x -1.000000y
q1a9/corner_x = -656.8834
q1a9/corner_y = 216.6938
q1a9/coffset = -0.0000018

q1a10/min_fs = 0
q1a10/max_fs = 193
q1a10/min_ss = 2405
q1a10/max_ss = 2589
q1a10/fs = -0.999997x +0.002629y -0.000209z
q1a10/ss = -0.002629x -0.999997y
q1a10/corner_x = -459.8385
q1a10/corner_y = 423.4123
q1a10/coffset = 0.0000492

q1a11/min_fs = 194
q1a11/max_fs = 387
q1a11/min_ss = 2405
q1a11/max_ss = 2589
q1a11/fs = -0.999997x +0.002629y -0.000209z
q1a11/ss = -0.002629x -0.999997y
q1a11/corner_x = -656.8378
q1a11/corner_y = 423.9301
q1a11/coffset = 0.0000492

q1a12/min_fs = 0
q1a12/max_fs = 193
q1a12/min_ss = 2590
q1a12/max_ss = 2774
q1a12/fs = -0.003259x +0.999995y +0.000504z
q1a12/ss = -0.999995x -0.003259y
q1a12/corner_x = -458.9398
q1a12/corner_y = 444.6778
q1a12/coffset = 0.0000632

q1a13/min_fs = 194
q1a13/max_fs = 387
q1a13/min_ss = 2590
q1a13/max_ss = 2774
q1a13/fs = -0.003259x +0.999995y +0.000504z
q1a13/ss = -0.999995x -0.003259y
q1a13/corner_x = -459.5817
q1a13/corner_y = 641.6768
q1a13/coffset = 0.0000632

q1a14/min_fs = 0
q1a14/max_fs = 193
q1a14/min_ss = 2775
q1a14/max_ss = 2959
q1a14/fs = -0.005374x +0.999986y -0.000038z
q1a14/ss = -0.999986x -0.005374y
q1a14/corner_x = -667.0523
q1a14/corner_y = 445.6181
q1a14/coffset = 0.0000465

q1a15/min_fs = 194
q1a15/max_fs = 387
q1a15/min_ss = 2775
q1a15/max_ss = 2959
q1a15/fs = -0.005374x +0.999986y -0.000038z
q1a15/ss = -0.999986x -0.005374y
q1a15/corner_x = -668.1109
q1a15/corner_y = 642.6152
q1a15/coffset = 0.0000465

q2a0/min_fs = 0
q2a0/max_fs = 193
q2a0/min_ss = 2960
q2a0/max_ss = 3144
q2a0/fs = -0.999995x +0.003020y +0.000521z
q2a0/ss = -0.003020x -0.999995y
q2a0/corner_x = -31.3415
q2a0/corner_y = -49.4740
q2a0/coffset = 0.0000567

q2a1/min_fs = 194
q2a1/max_fs = 387
q2a1/min_ss = 2960
q2a1/max_ss = 3144
q2a1/fs = -0.999995x +0.003020y +0.000521z
q2a1/ss = -0.003020x -0.999995y
q2a1/corner_x = -228.3406
q2a1/corner_y = -48.8791
q2a1/coffset = 0.0000567

q2a2/min_fs = 0
q2a2/max_fs = 193
q2a2/min_ss = 3145
q2a2/max_ss = 3329
q2a2/fs = -0.999988x +0.004799y +0.000606z
q2a2/ss = -0.004799x -0.999988y
q2a2/corner_x = -32.2701
q2a2/corner_y = -256.8557
q2a2/coffset = 0.0000244

q2a3/min_fs = 194
q2a3/max_fs = 387
q2a3/min_ss = 3145
q2a3/max_ss = 3329
q2a3/fs = -0.999988x +0.004799y +0.000606z
q2a3/ss = -0.004799x -0.999988y
q2a3/corner_x = -229.2678
q2a3/corner_y = -255.9103
q2a3/coffset = 0.0000244

q2a4/min_fs = 0
q2a4/max_fs = 193
q2a4/min_ss = 3330
q2a4/max_ss = 3514
q2a4/fs = +0.006071x -0.999982y +0.000632z
q2a4/ss = +0.999982x +0.006071y
q2a4/corner_x = -631.4298
q2a4/corner_y = -49.4676
q2a4/coffset = 0.0000704

q2a5/min_fs = 194
q2a5/max_fs = 387
q2a5/min_ss = 3330
q2a5/max_ss = 3514
q2a5/fs = +0.006071x -0.999982y +0.000632z
q2a5/ss = +0.999982x +0.006071y
q2a5/corner_x = -630.2339
q2a5/corner_y = -246.4640
q2a5/coffset = 0.0000704

q2a6/min_fs = 0
q2a6/max_fs = 193
q2a6/min_ss = 3515
q2a6/max_ss = 3699
q2a6/fs = +0.001264x -0.999999y -0.000081z
q2a6/ss = +0.999999x +0.001264y
q2a6/corner_x = -836.7693
q2a6/corner_y = -48.4090
q2a6/coffset = -0.0000017

q2a7/min_fs = 194
q2a7/max_fs = 387
q2a7/min_ss = 3515
q2a7/max_ss = 3699
q2a7/fs = +0.001264x -0.999999y -0.000081z
q2a7/ss = +0.999999x +0.001264y
q2a7/corner_x = -836.5203
q2a7/corner_y = -245.4089
q2a7/coffset = -0.0000017

q2a8/min_fs = 0
q2a8/max_fs = 193
q2a8/min_ss = 3700
q2a8/max_ss = 3884
q2a8/fs = -0.002203x -0.999998y -0.000089z
q2a8/ss = +0.999998x -0.002203y
q2a8/corner_x = -216.2979
q2a8/corner_y = -460.0811
q2a8/coffset = -0.0000093

q2a9/min_fs = 194
q2a9/max_fs = 387
q2a9/min_ss = 3700
q2a9/max_ss = 3884
q2a9/fs = -0.002203x -0.999998y -0.000089z
q2a9/ss = +0.999998x -0.002203y
q2a9/corner_x = -216.7320
q2a9/corner_y = -657.0807
q2a9/coffset = -0.0000093

q2a10/min_fs = 0
q2a10/max_fs = 193
q2a10/min_ss = 3885
q2a10/max_ss = 4069
q2a10/fs = -0.003855x -0.999993y -0.000576z
q2a10/ss = +0.999993x -0.003855y
q2a10/corner_x = -423.5860
q2a10/corner_y = -459.3004
q2a10/coffset = -0.0000191

q2a11/min_fs = 194
q2a11/max_fs = 387
q2a11/min_ss = 3885
q2a11/max_ss = 4069
q2a11/fs = -0.003855x -0.999993y -0.000576z
q2a11/ss = +0.999993x -0.003855y
q2a11/corner_x = -424.3454
q2a11/corner_y = -656.2989
q2a11/coffset = -0.0000191

q2a12/min_fs = 0
q2a12/max_fs = 193
q2a12/min_ss = 4070
q2a12/max_ss = 4254
q2a12/fs = -0.999992x -0.004003y -0.000185z
q2a12/ss = +0.004003x -0.999992y
q2a12/corner_x = -444.5007
q2a12/corner_y = -457.7424
q2a12/coffset = 0.0000063

q2a13/min_fs = 194
q2a13/max_fs = 387
q2a13/min_ss = 4070
q2a13/max_ss = 4254
q2a13/fs = -0.999992x -0.004003y -0.000185z
q2a13/ss = +0.004003x -0.999992y
q2a13/corner_x = -641.4991
q2a13/corner_y = -458.5311
q2a13/coffset = 0.0000063

q2a14/min_fs = 0
q2a14/max_fs = 193
q2a14/min_ss = 4255
q2a14/max_ss = 4439
q2a14/fs = -0.999991x +0.004343y -0.000259z
q2a14/ss = -0.004343x -0.999991y
q2a14/corner_x = -443.1734
q2a14/corner_y = -666.0513
q2a14/coffset = -0.0000821

q2a15/min_fs = 194
q2a15/max_fs = 387
q2a15/min_ss = 4255
q2a15/max_ss = 4439
q2a15/fs = -0.999991x +0.004343y -0.000259z
q2a15/ss = -0.004343x -0.999991y
q2a15/corner_x = -640.1716
q2a15/corner_y = -665.1957
q2a15/coffset = -0.0000821

q3a0/min_fs = 0
q3a0/max_fs = 193
q3a0/min_ss = 4440
q3a0/max_ss = 4624
q3a0/fs = +0.001789x -0.999998y +0.000077z
q3a0/ss = +0.999998x +0.001789y
q3a0/corner_x = 47.0692
q3a0/corner_y = -32.8551
q3a0/coffset = -0.0000350

q3a1/min_fs = 194
q3a1/max_fs = 387
q3a1/min_ss = 4440
q3a1/max_ss = 4624
q3a1/fs = +0.001789x -0.999998y +0.000077z
q3a1/ss = +0.999998x +0.001789y
q3a1/corner_x = 47.4216
q3a1/corner_y = -229.8548
q3a1/coffset = -0.0000350

q3a2/min_fs = 0
q3a2/max_fs = 193
q3a2/min_ss = 4625
q3a2/max_ss = 4809
q3a2/fs = +0.003284x -0.999995y +0.000131z
q3a2/ss = +0.999995x +0.003284y
q3a2/corner_x = 254.3738
q3a2/corner_y = -32.1616
q3a2/coffset = -0.0000420

q3a3/min_fs = 194
q3a3/max_fs = 387
q3a3/min_ss = 4625
q3a3/max_ss = 4809
q3a3/fs = +0.003284x -0.999995y +0.000131z
q3a3/ss = +0.999995x +0.003284y
q3a3/corner_x = 255.0209
q3a3/corner_y = -229.1606
q3a3/coffset = -0.0000420

q3a4/min_fs = 0
q3a4/max_fs = 193
q3a4/min_ss = 4810
q3a4/max_ss = 4994
q3a4/fs = +0.999979x -0.006415y +0.000232z
q3a4/ss = +0.006415x +0.999979y
q3a4/corner_x = 46.8957
q3a4/corner_y = -627.1869
q3a4/coffset = -0.0000590

q3a5/min_fs = 194
q3a5/max_fs = 387
q3a5/min_ss = 4810
q3a5/max_ss = 4994
q3a5/fs = +0.999979x -0.006415y +0.000232z
q3a5/ss = +0.006415x +0.999979y
q3a5/corner_x = 243.8917
q3a5/corner_y = -628.4506
q3a5/coffset = -0.0000590

q3a6/min_fs = 0
q3a6/max_fs = 193
q3a6/min_ss = 4995
q3a6/max_ss = 5179
q3a6/fs = +0.999999x +0.001627y -0.000045z
q3a6/ss = -0.001627x +0.999999y
q3a6/corner_x = 49.5764
q3a6/corner_y = -835.7497
q3a6/coffset = 0.0001017

q3a7/min_fs = 194
q3a7/max_fs = 387
q3a7/min_ss = 4995
q3a7/max_ss = 5179
q3a7/fs = +0.999999x +0.001627y -0.000045z
q3a7/ss = -0.001627x +0.999999y
q3a7/corner_x = 246.5761
q3a7/corner_y = -835.4291
q3a7/coffset = 0.0001017

q3a8/min_fs = 0
q3a8/max_fs = 193
q3a8/min_ss = 5180
q3a8/max_ss = 5364
q3a8/fs = +0.999998x -0.002095y -0.000219z
q3a8/ss = +0.002095x +0.999998y
q3a8/corner_x = 459.7946
q3a8/corner_y = -216.9319
q3a8/coffset = -0.0001130

q3a9/min_fs = 194
q3a9/max_fs = 387
q3a9/min_ss = 5180
q3a9/max_ss = 5364
q3a9/fs = +0.999998x -0.002095y -0.000219z
q3a9/ss = +0.002095x +0.999998y
q3a9/corner_x = 656.7941
q3a9/corner_y = -217.3446
q3a9/coffset = -0.0001130

q3a10/min_fs = 0
q3a10/max_fs = 193
q3a10/min_ss = 5365
q3a10/max_ss = 5549
q3a10/fs = +1.000000x -0.000278y -0.000029z
q3a10/ss = +0.000278x +1.000000y
q3a10/corner_x = 460.6504
q3a10/corner_y = -424.1829
q3a10/coffset = -0.0001924

q3a11/min_fs = 194
q3a11/max_fs = 387
q3a11/min_ss = 5365
q3a11/max_ss = 5549
q3a11/fs = +1.000000x -0.000278y -0.000029z
q3a11/ss = +0.000278x +1.000000y
q3a11/corner_x = 657.6504
q3a11/corner_y = -424.2376
q3a11/coffset = -0.0001924

q3a12/min_fs = 0
q3a12/max_fs = 193
q3a12/min_ss = 5550
q3a12/max_ss = 5734
q3a12/fs = +0.000676x -1.000000y -0.000290z
q3a12/ss = +1.000000x +0.000676y
q3a12/corner_x = 460.6270
q3a12/corner_y = -444.1581
q3a12/coffset = -0.0000644

q3a13/min_fs = 194
q3a13/max_fs = 387
q3a13/min_ss = 5550
q3a13/max_ss = 5734
q3a13/fs = +0.000676x -1.000000y -0.000290z
q3a13/ss = +1.000000x +0.000676y
q3a13/corner_x = 460.7602
q3a13/corner_y = -641.1580
q3a13/coffset = -0.0000644

q3a14/min_fs = 0
q3a14/max_fs = 193
q3a14/min_ss = 5735
q3a14/max_ss = 5919
q3a14/fs = +0.006032x -0.999982y -0.000327z
q3a14/ss = +0.999982x +0.006032y
q3a14/corner_x = 666.3521
q3a14/corner_y = -443.7795
q3a14/coffset = 0.0002129

q3a15/min_fs = 194
q3a15/max_fs = 387
q3a15/min_ss = 5735
q3a15/max_ss = 5919
q3a15/fs = +0.006032x -0.999982y -0.000327z
q3a15/ss = +0.999982x +0.006032y
q3a15/corner_x = 667.5404
q3a15/corner_y = -640.7759
q3a15/coffset = 0.0002129

group_q0 = q0a0,q0a1,q0a2,q0a3,q0a4,q0a5,q0a6,q0a7,q0a8,q0a9,q0a10,q0a11,q0a12,q0a13,q0a14,q0a15
group_q1 = q1a0,q1a1,q1a2,q1a3,q1a4,q1a5,q1a6,q1a7,q1a8,q1a9,q1a10,q1a11,q1a12,q1a13,q1a14,q1a15
group_q2 = q2a0,q2a1,q2a2,q2a3,q2a4,q2a5,q2a6,q2a7,q2a8,q2a9,q2a10,q2a11,q2a12,q2a13,q2a14,q2a15
group_q3 = q3a0,q3a1,q3a2,q3a3,q3a4,q3a5,q3a6,q3a7,q3a8,q3a9,q3a10,q3a11,q3a12,q3a13,q3a14,q3a15
group_all = q0,q1,q2,q3

; a shadow on one chip, and the edge of the beam stop
bad_shadow/panel = q2a5
bad_shadow/min_fs = 300
bad_shadow/max_fs = 340
bad_shadow/min_ss = 3350
bad_shadow/max_ss = 3390
bad_stop/min_x = -60.0
bad_stop/max_x = 60.0
bad_stop/min_y = -60.0
bad_stop/max_y = 60.0
