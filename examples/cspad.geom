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
q0a0/fs = +0.999988x +0.004991y +0.000198z
q0a0/ss = -0.004991x +0.999988y
q0a0/corner_x = 32.4786
q0a0/corner_y = 48.8602
q0a0/coffset = -0.0001149

q0a1/min_fs = 194
q0a1/max_fs = 387
q0a1/min_ss = 0
q0a1/max_ss = 184
q0a1/fs = +0.999988x +0.004991y +0.000198z
q0a1/ss = -0.004991x +0.999988y
q0a1/corner_x = 229.4761
q0a1/corner_y = 49.8435
q0a1/coffset = -0.0001149

q0a2/min_fs = 0
q0a2/max_fs = 193
q0a2/min_ss = 185
q0a2/max_ss = 369
q0a2/fs = +1.000000x +0.000446y -0.000482z
q0a2/ss = -0.000446x +1.000000y
q0a2/corner_x = 32.9958
q0a2/corner_y = 255.5012
q0a2/coffset = 0.0000169

q0a3/min_fs = 194
q0a3/max_fs = 387
q0a3/min_ss = 185
q0a3/max_ss = 369
q0a3/fs = +1.000000x +0.000446y -0.000482z
q0a3/ss = -0.000446x +1.000000y
q0a3/corner_x = 229.9958
q0a3/corner_y = 255.5891
q0a3/coffset = 0.0000169

q0a4/min_fs = 0
q0a4/max_fs = 193
q0a4/min_ss = 370
q0a4/max_ss = 554
q0a4/fs = -0.000950x +1.000000y +0.000153z
q0a4/ss = -1.000000x -0.000950y
q0a4/corner_x = 630.1883
q0a4/corner_y = 50.2605
q0a4/coffset = -0.0001045

q0a5/min_fs = 194
q0a5/max_fs = 387
q0a5/min_ss = 370
q0a5/max_ss = 554
q0a5/fs = -0.000950x +1.000000y +0.000153z
q0a5/ss = -1.000000x -0.000950y
q0a5/corner_x = 630.0012
q0a5/corner_y = 247.2604
q0a5/coffset = -0.0001045

q0a6/min_fs = 0
q0a6/max_fs = 193
q0a6/min_ss = 555
q0a6/max_ss = 739
q0a6/fs = -0.003305x +0.999995y -0.000099z
q0a6/ss = -0.999995x -0.003305y
q0a6/corner_x = 838.8022
q0a6/corner_y = 47.4675
q0a6/coffset = -0.0000616

q0a7/min_fs = 194
q0a7/max_fs = 387
q0a7/min_ss = 555
q0a7/max_ss = 739
q0a7/fs = -0.003305x +0.999995y -0.000099z
q0a7/ss = -0.999995x -0.003305y
q0a7/corner_x = 838.1510
q0a7/corner_y = 244.4664
q0a7/coffset = -0.0000616

q0a8/min_fs = 0
q0a8/max_fs = 193
q0a8/min_ss = 740
q0a8/max_ss = 924
q0a8/fs = -0.001141x +0.999999y -0.000033z
q0a8/ss = -0.999999x -0.001141y
q0a8/corner_x = 215.4750
q0a8/corner_y = 459.4624
q0a8/coffset = 0.0001038

q0a9/min_fs = 194
q0a9/max_fs = 387
q0a9/min_ss = 740
q0a9/max_ss = 924
q0a9/fs = -0.001141x +0.999999y -0.000033z
q0a9/ss = -0.999999x -0.001141y
q0a9/corner_x = 215.2503
q0a9/corner_y = 656.4623
q0a9/coffset = 0.0001038

q0a10/min_fs = 0
q0a10/max_fs = 193
q0a10/min_ss = 925
q0a10/max_ss = 1109
q0a10/fs = +0.002676x +0.999996y +0.000233z
q0a10/ss = -0.999996x +0.002676y
q0a10/corner_x = 421.5363
q0a10/corner_y = 459.9975
q0a10/coffset = -0.0001483

q0a11/min_fs = 194
q0a11/max_fs = 387
q0a11/min_ss = 925
q0a11/max_ss = 1109
q0a11/fs = +0.002676x +0.999996y +0.000233z
q0a11/ss = -0.999996x +0.002676y
q0a11/corner_x = 422.0635
q0a11/corner_y = 656.9968
q0a11/coffset = -0.0001483

q0a12/min_fs = 0
q0a12/max_fs = 193
q0a12/min_ss = 1110
q0a12/max_ss = 1294
q0a12/fs = +0.999990x -0.004453y +0.000296z
q0a12/ss = +0.004453x +0.999990y
q0a12/corner_x = 444.7250
q0a12/corner_y = 460.1681
q0a12/coffset = 0.0000125

q0a13/min_fs = 194
q0a13/max_fs = 387
q0a13/min_ss = 1110
q0a13/max_ss = 1294
q0a13/fs = +0.999990x -0.004453y +0.000296z
q0a13/ss = +0.004453x +0.999990y
q0a13/corner_x = 641.7231
q0a13/corner_y = 459.2909
q0a13/coffset = 0.0000125

q0a14/min_fs = 0
q0a14/max_fs = 193
q0a14/min_ss = 1295
q0a14/max_ss = 1479
q0a14/fs = +0.999996x -0.002940y -0.000239z
q0a14/ss = +0.002940x +0.999996y
q0a14/corner_x = 445.8055
q0a14/corner_y = 667.7673
q0a14/coffset = -0.0000142

q0a15/min_fs = 194
q0a15/max_fs = 387
q0a15/min_ss = 1295
q0a15/max_ss = 1479
q0a15/fs = +0.999996x -0.002940y -0.000239z
q0a15/ss = +0.002940x +0.999996y
q0a15/corner_x = 642.8046
q0a15/corner_y = 667.1883
q0a15/coffset = -0.0000142

q1a0/min_fs = 0
q1a0/max_fs = 193
q1a0/min_ss = 1480
q1a0/max_ss = 1664
q1a0/fs = +0.002129x +0.999998y -0.000182z
q1a0/ss = -0.999998x +0.002129y
q1a0/corner_x = -48.4016
q1a0/corner_y = 33.6808
q1a0/coffset = -0.0000558

q1a1/min_fs = 194
q1a1/max_fs = 387
q1a1/min_ss = 1480
q1a1/max_ss = 1664
q1a1/fs = +0.002129x +0.999998y -0.000182z
q1a1/ss = -0.999998x +0.002129y
q1a1/corner_x = -47.9822
q1a1/corner_y = 230.6803
q1a1/coffset = -0.0000558

q1a2/min_fs = 0
q1a2/max_fs = 193
q1a2/min_ss = 1665
q1a2/max_ss = 1849
q1a2/fs = +0.000395x +1.000000y +0.000617z
q1a2/ss = -1.000000x +0.000395y
q1a2/corner_x = -256.4674
q1a2/corner_y = 32.8097
q1a2/coffset = -0.0000354

q1a3/min_fs = 194
q1a3/max_fs = 387
q1a3/min_ss = 1665
q1a3/max_ss = 1849
q1a3/fs = +0.000395x +1.000000y +0.000617z
q1a3/ss = -1.000000x +0.000395y
q1a3/corner_x = -256.3895
q1a3/corner_y = 229.8096
q1a3/coffset = -0.0000354

q1a4/min_fs = 0
q1a4/max_fs = 193
q1a4/min_ss = 1850
q1a4/max_ss = 2034
q1a4/fs = -0.999996x +0.002859y -0.000111z
q1a4/ss = -0.002859x -0.999996y
q1a4/corner_x = -49.2310
q1a4/corner_y = 630.3669
q1a4/coffset = 0.0000009

q1a5/min_fs = 194
q1a5/max_fs = 387
q1a5/min_ss = 1850
q1a5/max_ss = 2034
q1a5/fs = -0.999996x +0.002859y -0.000111z
q1a5/ss = -0.002859x -0.999996y
q1a5/corner_x = -246.2302
q1a5/corner_y = 630.9301
q1a5/coffset = 0.0000009

q1a6/min_fs = 0
q1a6/max_fs = 193
q1a6/min_ss = 2035
q1a6/max_ss = 2219
q1a6/fs = -0.999992x -0.004114y -0.000106z
q1a6/ss = +0.004114x -0.999992y
q1a6/corner_x = -48.3807
q1a6/corner_y = 835.9472
q1a6/coffset = 0.0000119

q1a7/min_fs = 194
q1a7/max_fs = 387
q1a7/min_ss = 2035
q1a7/max_ss = 2219
q1a7/fs = -0.999992x -0.004114y -0.000106z
q1a7/ss = +0.004114x -0.999992y
q1a7/corner_x = -245.3790
q1a7/corner_y = 835.1367
q1a7/coffset = 0.0000119

q1a8/min_fs = 0
q1a8/max_fs = 193
q1a8/min_ss = 2220
q1a8/max_ss = 2404
q1a8/fs = -0.999995x -0.003178y +0.000052z
q1a8/ss = +0.003178x -0.999995y
q1a8/corner_x = -459.3223
q1a8/corner_y = 216.5286
q1a8/coffset = -0.0000014

q1a9/min_fs = 194
q1a9/max_fs = 387
q1a9/min_ss = 2220
q1a9/max_ss = 2404
q1a9/fs = -0.999995x -0.003178y +0.000052z
q1a9/ss = +0.003178x -0.999995y
q1a9/corner_x = -656.3213
q1a9/corner_y = 215.9026
q1a9/coffset = -0.0000014

q1a10/min_fs = 0
q1a10/max_fs = 193
q1a10/min_ss = 2405
q1a10/max_ss = 2589
q1a10/fs = -0.999993x -0.003643y -0.000233z
q1a10/ss = +0.003643x -0.999993y
q1a10/corner_x = -459.7468
q1a10/corner_y = 422.2034
q1a10/coffset = -0.0000882

q1a11/min_fs = 194
q1a11/max_fs = 387
q1a11/min_ss = 2405
q1a11/max_ss = 2589
q1a11/fs = -0.999993x -0.003643y -0.000233z
q1a11/ss = +0.003643x -0.999993y
q1a11/corner_x = -656.7455
q1a11/corner_y = 421.4858
q1a11/coffset = -0.0000882

q1a12/min_fs = 0
q1a12/max_fs = 193
q1a12/min_ss = 2590
q1a12/max_ss = 2774
q1a12/fs = +0.003537x +0.999994y +0.000556z
q1a12/ss = -0.999994x +0.003537y
q1a12/corner_x = -458.3549
q1a12/corner_y = 444.8908
q1a12/coffset = -0.0000231

q1a13/min_fs = 194
q1a13/max_fs = 387
q1a13/min_ss = 2590
q1a13/max_ss = 2774
q1a13/fs = +0.003537x +0.999994y +0.000556z
q1a13/ss = -0.999994x +0.003537y
q1a13/corner_x = -457.6580
q1a13/corner_y = 641.8896
q1a13/coffset = -0.0000231

q1a14/min_fs = 0
q1a14/max_fs = 193
q1a14/min_ss = 2775
q1a14/max_ss = 2959
q1a14/fs = +0.000746x +1.000000y -0.000507z
q1a14/ss = -1.000000x +0.000746y
q1a14/corner_x = -666.1503
q1a14/corner_y = 444.3364
q1a14/coffset = -0.0001336

q1a15/min_fs = 194
q1a15/max_fs = 387
q1a15/min_ss = 2775
q1a15/max_ss = 2959
q1a15/fs = +0.000746x +1.000000y -0.000507z
q1a15/ss = -1.000000x +0.000746y
q1a15/corner_x = -666.0033
q1a15/corner_y = 641.3364
q1a15/coffset = -0.0001336

q2a0/min_fs = 0
q2a0/max_fs = 193
q2a0/min_ss = 2960
q2a0/max_ss = 3144
q2a0/fs = -0.999997x -0.002394y +0.000728z
q2a0/ss = +0.002394x -0.999997y
q2a0/corner_x = -33.7811
q2a0/corner_y = -49.0624
q2a0/coffset = -0.0000722

q2a1/min_fs = 194
q2a1/max_fs = 387
q2a1/min_ss = 2960
q2a1/max_ss = 3144
q2a1/fs = -0.999997x -0.002394y +0.000728z
q2a1/ss = +0.002394x -0.999997y
q2a1/corner_x = -230.7806
q2a1/corner_y = -49.5340
q2a1/coffset = -0.0000722

q2a2/min_fs = 0
q2a2/max_fs = 193
q2a2/min_ss = 3145
q2a2/max_ss = 3329
q2a2/fs = -1.000000x +0.000458y -0.000444z
q2a2/ss = -0.000458x -1.000000y
q2a2/corner_x = -32.1928
q2a2/corner_y = -256.4835
q2a2/coffset = -0.0001035

q2a3/min_fs = 194
q2a3/max_fs = 387
q2a3/min_ss = 3145
q2a3/max_ss = 3329
q2a3/fs = -1.000000x +0.000458y -0.000444z
q2a3/ss = -0.000458x -1.000000y
q2a3/corner_x = -229.1927
q2a3/corner_y = -256.3933
q2a3/coffset = -0.0001035

q2a4/min_fs = 0
q2a4/max_fs = 193
q2a4/min_ss = 3330
q2a4/max_ss = 3514
q2a4/fs = -0.000011x -1.000000y -0.000211z
q2a4/ss = +1.000000x -0.000011y
q2a4/corner_x = -630.6228
q2a4/corner_y = -49.9545
q2a4/coffset = 0.0000875

q2a5/min_fs = 194
q2a5/max_fs = 387
q2a5/min_ss = 3330
q2a5/max_ss = 3514
q2a5/fs = -0.000011x -1.000000y -0.000211z
q2a5/ss = +1.000000x -0.000011y
q2a5/corner_x = -630.6249
q2a5/corner_y = -246.9545
q2a5/coffset = 0.0000875

q2a6/min_fs = 0
q2a6/max_fs = 193
q2a6/min_ss = 3515
q2a6/max_ss = 3699
q2a6/fs = +0.003412x -0.999994y +0.000155z
q2a6/ss = +0.999994x +0.003412y
q2a6/corner_x = -836.8776
q2a6/corner_y = -48.8678
q2a6/coffset = -0.0000026

q2a7/min_fs = 194
q2a7/max_fs = 387
q2a7/min_ss = 3515
q2a7/max_ss = 3699
q2a7/fs = +0.003412x -0.999994y +0.000155z
q2a7/ss = +0.999994x +0.003412y
q2a7/corner_x = -836.2054
q2a7/corner_y = -245.8667
q2a7/coffset = -0.0000026

q2a8/min_fs = 0
q2a8/max_fs = 193
q2a8/min_ss = 3700
q2a8/max_ss = 3884
q2a8/fs = +0.003230x -0.999995y +0.000235z
q2a8/ss = +0.999995x +0.003230y
q2a8/corner_x = -216.0726
q2a8/corner_y = -460.0968
q2a8/coffset = 0.0000256

q2a9/min_fs = 194
q2a9/max_fs = 387
q2a9/min_ss = 3700
q2a9/max_ss = 3884
q2a9/fs = +0.003230x -0.999995y +0.000235z
q2a9/ss = +0.999995x +0.003230y
q2a9/corner_x = -215.4362
q2a9/corner_y = -657.0957
q2a9/coffset = 0.0000256

q2a10/min_fs = 0
q2a10/max_fs = 193
q2a10/min_ss = 3885
q2a10/max_ss = 4069
q2a10/fs = +0.001533x -0.999999y -0.000424z
q2a10/ss = +0.999999x +0.001533y
q2a10/corner_x = -422.3609
q2a10/corner_y = -460.4356
q2a10/coffset = 0.0000943

q2a11/min_fs = 194
q2a11/max_fs = 387
q2a11/min_ss = 3885
q2a11/max_ss = 4069
q2a11/fs = +0.001533x -0.999999y -0.000424z
q2a11/ss = +0.999999x +0.001533y
q2a11/corner_x = -422.0589
q2a11/corner_y = -657.4354
q2a11/coffset = 0.0000943

q2a12/min_fs = 0
q2a12/max_fs = 193
q2a12/min_ss = 4070
q2a12/max_ss = 4254
q2a12/fs = -0.999998x -0.001798y -0.000003z
q2a12/ss = +0.001798x -0.999998y
q2a12/corner_x = -444.9280
q2a12/corner_y = -459.8533
q2a12/coffset = -0.0000178

q2a13/min_fs = 194
q2a13/max_fs = 387
q2a13/min_ss = 4070
q2a13/max_ss = 4254
q2a13/fs = -0.999998x -0.001798y -0.000003z
q2a13/ss = +0.001798x -0.999998y
q2a13/corner_x = -641.9276
q2a13/corner_y = -460.2075
q2a13/coffset = -0.0000178

q2a14/min_fs = 0
q2a14/max_fs = 193
q2a14/min_ss = 4255
q2a14/max_ss = 4439
q2a14/fs = -0.999996x +0.002748y +0.000132z
q2a14/ss = -0.002748x -0.999996y
q2a14/corner_x = -444.0482
q2a14/corner_y = -666.9074
q2a14/coffset = -0.0001194

q2a15/min_fs = 194
q2a15/max_fs = 387
q2a15/min_ss = 4255
q2a15/max_ss = 4439
q2a15/fs = -0.999996x +0.002748y +0.000132z
q2a15/ss = -0.002748x -0.999996y
q2a15/corner_x = -641.0474
q2a15/corner_y = -666.3661
q2a15/coffset = -0.0001194

q3a0/min_fs = 0
q3a0/max_fs = 193
q3a0/min_ss = 4440
q3a0/max_ss = 4624
q3a0/fs = +0.000138x -1.000000y +0.000677z
q3a0/ss = +1.000000x +0.000138y
q3a0/corner_x = 50.3244
q3a0/corner_y = -33.1369
q3a0/coffset = 0.0001506

q3a1/min_fs = 194
q3a1/max_fs = 387
q3a1/min_ss = 4440
q3a1/max_ss = 4624
q3a1/fs = +0.000138x -1.000000y +0.000677z
q3a1/ss = +1.000000x +0.000138y
q3a1/corner_x = 50.3516
q3a1/corner_y = -230.1369
q3a1/coffset = 0.0001506

q3a2/min_fs = 0
q3a2/max_fs = 193
q3a2/min_ss = 4625
q3a2/max_ss = 4809
q3a2/fs = +0.003271x -0.999995y +0.000505z
q3a2/ss = +0.999995x +0.003271y
q3a2/corner_x = 256.0926
q3a2/corner_y = -32.5001
q3a2/coffset = -0.0000092

q3a3/min_fs = 194
q3a3/max_fs = 387
q3a3/min_ss = 4625
q3a3/max_ss = 4809
q3a3/fs = +0.003271x -0.999995y +0.000505z
q3a3/ss = +0.999995x +0.003271y
q3a3/corner_x = 256.7369
q3a3/corner_y = -229.4991
q3a3/coffset = -0.0000092

q3a4/min_fs = 0
q3a4/max_fs = 193
q3a4/min_ss = 4810
q3a4/max_ss = 4994
q3a4/fs = +1.000000x +0.000809y +0.000226z
q3a4/ss = -0.000809x +1.000000y
q3a4/corner_x = 49.1082
q3a4/corner_y = -629.0203
q3a4/coffset = 0.0000427

q3a5/min_fs = 194
q3a5/max_fs = 387
q3a5/min_ss = 4810
q3a5/max_ss = 4994
q3a5/fs = +1.000000x +0.000809y +0.000226z
q3a5/ss = -0.000809x +1.000000y
q3a5/corner_x = 246.1081
q3a5/corner_y = -628.8610
q3a5/coffset = 0.0000427

q3a6/min_fs = 0
q3a6/max_fs = 193
q3a6/min_ss = 4995
q3a6/max_ss = 5179
q3a6/fs = +0.999969x -0.007924y -0.000078z
q3a6/ss = +0.007924x +0.999969y
q3a6/corner_x = 48.0921
q3a6/corner_y = -837.6872
q3a6/coffset = 0.0000937

q3a7/min_fs = 194
q3a7/max_fs = 387
q3a7/min_ss = 4995
q3a7/max_ss = 5179
q3a7/fs = +0.999969x -0.007924y -0.000078z
q3a7/ss = +0.007924x +0.999969y
q3a7/corner_x = 245.0859
q3a7/corner_y = -839.2482
q3a7/coffset = 0.0000937

q3a8/min_fs = 0
q3a8/max_fs = 193
q3a8/min_ss = 5180
q3a8/max_ss = 5364
q3a8/fs = +0.999996x +0.002999y -0.000016z
q3a8/ss = -0.002999x +0.999996y
q3a8/corner_x = 459.1126
q3a8/corner_y = -215.0130
q3a8/coffset = -0.0000005

q3a9/min_fs = 194
q3a9/max_fs = 387
q3a9/min_ss = 5180
q3a9/max_ss = 5364
q3a9/fs = +0.999996x +0.002999y -0.000016z
q3a9/ss = -0.002999x +0.999996y
q3a9/corner_x = 656.1117
q3a9/corner_y = -214.4222
q3a9/coffset = -0.0000005

q3a10/min_fs = 0
q3a10/max_fs = 193
q3a10/min_ss = 5365
q3a10/max_ss = 5549
q3a10/fs = +1.000000x -0.000847y -0.000014z
q3a10/ss = +0.000847x +1.000000y
q3a10/corner_x = 460.0663
q3a10/corner_y = -423.6889
q3a10/coffset = 0.0000428

q3a11/min_fs = 194
q3a11/max_fs = 387
q3a11/min_ss = 5365
q3a11/max_ss = 5549
q3a11/fs = +1.000000x -0.000847y -0.000014z
q3a11/ss = +0.000847x +1.000000y
q3a11/corner_x = 657.0662
q3a11/corner_y = -423.8557
q3a11/coffset = 0.0000428

q3a12/min_fs = 0
q3a12/max_fs = 193
q3a12/min_ss = 5550
q3a12/max_ss = 5734
q3a12/fs = +0.002477x -0.999997y -0.000233z
q3a12/ss = +0.999997x +0.002477y
q3a12/corner_x = 460.6335
q3a12/corner_y = -445.5942
q3a12/coffset = -0.0000118

q3a13/min_fs = 194
q3a13/max_fs = 387
q3a13/min_ss = 5550
q3a13/max_ss = 5734
q3a13/fs = +0.002477x -0.999997y -0.000233z
q3a13/ss = +0.999997x +0.002477y
q3a13/corner_x = 461.1214
q3a13/corner_y = -642.5936
q3a13/coffset = -0.0000118

q3a14/min_fs = 0
q3a14/max_fs = 193
q3a14/min_ss = 5735
q3a14/max_ss = 5919
q3a14/fs = -0.000381x -1.000000y +0.000081z
q3a14/ss = +1.000000x -0.000381y
q3a14/corner_x = 667.2956
q3a14/corner_y = -445.0181
q3a14/coffset = -0.0000387

q3a15/min_fs = 194
q3a15/max_fs = 387
q3a15/min_ss = 5735
q3a15/max_ss = 5919
q3a15/fs = -0.000381x -1.000000y +0.000081z
q3a15/ss = +1.000000x -0.000381y
q3a15/corner_x = 667.2206
q3a15/corner_y = -642.0181
q3a15/coffset = -0.0000387

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
